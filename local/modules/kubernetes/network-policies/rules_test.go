package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

func pod(namespace, app, address string) *v1.Pod {
	return &v1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Labels: map[string]string{"app": app}},
		Spec: v1.PodSpec{Containers: []v1.Container{{Ports: []v1.ContainerPort{
			{Name: "client", ContainerPort: 5432, Protocol: v1.ProtocolTCP},
		}}}},
		Status: v1.PodStatus{PodIP: address, Phase: v1.PodRunning},
	}
}

func namespace(name, team string) *v1.Namespace {
	return &v1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"team": team}}}
}

// policy is one in namespace `data` with this spec; it counts for traffic that comes in if it does not say otherwise.
func policy(t *testing.T, spec string) *networking.NetworkPolicy {
	t.Helper()
	found := &networking.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "data"}}
	if err := yaml.UnmarshalStrict([]byte(spec), &found.Spec); err != nil {
		t.Fatal(err)
	}
	if found.Spec.PolicyTypes == nil {
		found.Spec.PolicyTypes = []networking.PolicyType{networking.PolicyTypeIngress}
	}
	return found
}

var (
	db = pod("data", "db", "10.0.0.2")
	// The order is not that of the addresses.
	world = []*v1.Pod{
		pod("shop", "till", "10.0.0.6"), pod("shop", "db", "10.0.0.5"), pod("data", "backup", "10.0.0.4"),
		pod("data", "db", "10.0.0.3"), db,
	}
	teams = []*v1.Namespace{namespace("data", "core"), namespace("shop", "sales")}
)

func TestAGuardedPodGetsAChainAndTheOthersNone(t *testing.T) {
	got := rules("test", world, teams, []*networking.NetworkPolicy{policy(t, `
podSelector: {matchLabels: {app: backup}}
ingress: [{from: [{podSelector: {matchLabels: {app: db}}}], ports: [{port: client}]}]`)})
	want := `add table ip test
delete table ip test
table ip test {
	chain pod-10.0.0.4 {
		ip saddr 10.0.0.4 accept
		ip saddr { 10.0.0.2, 10.0.0.3 } tcp dport 5432 accept
		drop
	}
	chain forward {
		type filter hook forward priority filter; policy accept;
		ct direction reply accept
		ct state related accept
		ip daddr vmap { 10.0.0.4 : goto pod-10.0.0.4 }
	}
	chain hairpin {
		type nat hook postrouting priority srcnat; policy accept;
		ip saddr . ip daddr { 10.0.0.2 . 10.0.0.2, 10.0.0.3 . 10.0.0.3, 10.0.0.4 . 10.0.0.4, 10.0.0.5 . 10.0.0.5, 10.0.0.6 . 10.0.0.6 } masquerade
	}
}
`
	if got != want {
		t.Fatal(got)
	}
}

func TestWhatGetsIn(t *testing.T) {
	for name, each := range map[string]struct {
		rules string
		want  []string
	}{
		"nothing":               {`[]`, nil},
		"everything":            {`[{}]`, []string{"accept"}},
		"own namespace":         {`[{from: [{podSelector: {}}]}]`, []string{"ip saddr { 10.0.0.2, 10.0.0.3, 10.0.0.4 } accept"}},
		"another namespace":     {`[{from: [{namespaceSelector: {matchLabels: {team: sales}}}]}]`, []string{"ip saddr { 10.0.0.5, 10.0.0.6 } accept"}},
		"Pods of a namespace":   {`[{from: [{namespaceSelector: {matchLabels: {team: sales}}, podSelector: {matchLabels: {app: db}}}]}]`, []string{"ip saddr { 10.0.0.5 } accept"}},
		"either of two peers":   {`[{from: [{podSelector: {matchLabels: {app: db}}}, {namespaceSelector: {matchLabels: {team: sales}}}]}]`, []string{"ip saddr { 10.0.0.2, 10.0.0.3, 10.0.0.5, 10.0.0.6 } accept"}},
		"a set of labels":       {`[{from: [{podSelector: {matchExpressions: [{key: app, operator: NotIn, values: [db]}]}}]}]`, []string{"ip saddr { 10.0.0.4 } accept"}},
		"nobody that is there":  {`[{from: [{podSelector: {matchLabels: {app: web}}}]}]`, nil},
		"a range":               {`[{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16, 10.1.2.0/24]}}]}]`, []string{"ip saddr 10.0.0.0/8 ip saddr != 10.1.0.0/16 ip saddr != 10.1.2.0/24 accept"}},
		"a range of IPv6":       {`[{from: [{ipBlock: {cidr: "fd00::/8"}}]}]`, nil},
		"ports":                 {`[{ports: [{port: 80}, {port: 53, protocol: UDP}, {port: 90, endPort: 99}, {port: client}, {protocol: SCTP}]}]`, []string{"meta l4proto sctp accept", "tcp dport 5432 accept", "tcp dport 80 accept", "tcp dport 90-99 accept", "udp dport 53 accept"}},
		"a port it has not":     {`[{ports: [{port: metrics}]}]`, nil},
		"a port, from somebody": {`[{from: [{podSelector: {matchLabels: {app: backup}}}, {ipBlock: {cidr: 10.9.0.0/16}}], ports: [{port: 80}]}]`, []string{"ip saddr 10.9.0.0/16 tcp dport 80 accept", "ip saddr { 10.0.0.4 } tcp dport 80 accept"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := rules("test", world, teams, []*networking.NetworkPolicy{policy(t, "podSelector: {matchLabels: {app: db}}\ningress: "+each.rules)})
			if found := chain(got, db); !slices.Equal(found, each.want) {
				t.Fatalf("%q", found)
			}
		})
	}
}

// chain is what a Pod's chain accepts from others.
func chain(rules string, pod *v1.Pod) []string {
	_, after, _ := strings.Cut(rules, "\tchain pod-"+pod.Status.PodIP+" {\n\t\tip saddr "+pod.Status.PodIP+" accept\n")
	body, _, _ := strings.Cut(after, "\t\tdrop\n")
	return strings.FieldsFunc(strings.ReplaceAll(body, "\t", ""), func(each rune) bool { return each == '\n' })
}

func TestPoliciesAddUp(t *testing.T) {
	got := rules("test", world, teams, []*networking.NetworkPolicy{
		policy(t, `{podSelector: {}, ingress: [{ports: [{port: 80}]}]}`),
		policy(t, `{podSelector: {}, ingress: []}`),
		policy(t, `{podSelector: {}, ingress: [{ports: [{port: 80}, {port: 81}]}]}`),
	})
	if found := chain(got, db); !slices.Equal(found, []string{"tcp dport 80 accept", "tcp dport 81 accept"}) {
		t.Fatalf("%q", found)
	}
}

func TestWhoIsNotGuarded(t *testing.T) {
	ended, onHost, waiting := pod("data", "db", "10.0.0.7"), pod("data", "db", "10.0.0.8"), pod("data", "db", "")
	ended.Status.Phase = v1.PodSucceeded
	onHost.Spec.HostNetwork = true
	pods := []*v1.Pod{ended, onHost, waiting, pod("shop", "db", "10.0.0.9")}
	if got := rules("test", pods, teams, []*networking.NetworkPolicy{policy(t, `{podSelector: {}}`)}); strings.Contains(got, "pod-") {
		t.Fatal(got)
	}
	goingOut := policy(t, `{podSelector: {}, policyTypes: [Egress]}`)
	if got := rules("test", world, teams, []*networking.NetworkPolicy{goingOut}); strings.Contains(got, "pod-") {
		t.Fatal(got)
	}
}

func TestAnAddressBelongsToTheNewerPod(t *testing.T) {
	newer := pod("shop", "till", db.Status.PodIP)
	newer.CreationTimestamp = metav1.NewTime(time.Unix(1, 0))
	for _, pods := range [][]*v1.Pod{{db, newer}, {newer, db}} {
		if found := byAddress(pods)[db.Status.PodIP]; found != newer {
			t.Fatal(found)
		}
	}
}

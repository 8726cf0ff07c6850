package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	v1 "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// cluster is what the rules follow from.
type cluster struct {
	// pods are those with an address of their own, by that address.
	pods       map[string]*v1.Pod
	namespaces map[string]labels.Set
}

// rules are the table's whole content, as nft reads it: a chain for each Pod that is guarded.
//
// A policy counts for connections that exist already, too: only answers to what a Pod asked itself get in unseen.
//
// A Pod that a Service leads to itself gets the answer by way of its node. kube-proxy sees to that on the node whose
// name it has, and the real nodes share one.
func rules(table string, pods []*v1.Pod, namespaces []*v1.Namespace, policies []*networking.NetworkPolicy) string {
	known := cluster{byAddress(pods), map[string]labels.Set{}}
	for _, each := range namespaces {
		known.namespaces[each.Name] = each.Labels
	}
	var chains, verdicts strings.Builder
	addresses := slices.Sorted(maps.Keys(known.pods))
	for _, address := range addresses {
		guarding := guards(policies, known.pods[address])
		if len(guarding) == 0 {
			continue
		}
		fmt.Fprintf(&verdicts, " %s : goto pod-%s,", address, address)
		fmt.Fprintf(&chains, "\tchain pod-%s {\n\t\tip saddr %s accept\n", address, address)
		for _, match := range known.allowed(guarding, known.pods[address]) {
			fmt.Fprintf(&chains, "\t\t%s\n", strings.TrimSpace(match+" accept"))
		}
		fmt.Fprint(&chains, "\t\tdrop\n\t}\n")
	}
	guarded := ""
	if verdicts.Len() > 0 {
		guarded = fmt.Sprintf("\t\tip daddr vmap {%s }\n", strings.TrimSuffix(verdicts.String(), ","))
	}
	return fmt.Sprintf("add table ip %[1]s\ndelete table ip %[1]s\ntable ip %[1]s {\n%[2]s\tchain forward {\n"+
		"\t\ttype filter hook forward priority filter; policy accept;\n"+
		"\t\tct direction reply accept\n\t\tct state related accept\n%[3]s\t}\n"+
		"\tchain hairpin {\n\t\ttype nat hook postrouting priority srcnat; policy accept;\n%[4]s\t}\n}\n",
		table, chains.String(), guarded, hairpin(addresses))
}

func hairpin(addresses []string) string {
	if len(addresses) == 0 {
		return ""
	}
	pairs := make([]string, len(addresses))
	for i, address := range addresses {
		pairs[i] = address + " . " + address
	}
	return fmt.Sprintf("\t\tip saddr . ip daddr { %s } masquerade\n", strings.Join(pairs, ", "))
}

// byAddress leaves out Pods that have ended or share the node's network. Of two with one address the newer one has it.
func byAddress(pods []*v1.Pod) map[string]*v1.Pod {
	found := map[string]*v1.Pod{}
	for _, pod := range pods {
		address := pod.Status.PodIP
		ended := pod.Status.Phase == v1.PodSucceeded || pod.Status.Phase == v1.PodFailed
		if address == "" || ended || pod.Spec.HostNetwork {
			continue
		}
		if other := found[address]; other == nil || other.CreationTimestamp.Before(&pod.CreationTimestamp) {
			found[address] = pod
		}
	}
	return found
}

// guards are the policies by which only what they allow gets to a Pod.
func guards(policies []*networking.NetworkPolicy, pod *v1.Pod) []*networking.NetworkPolicy {
	var found []*networking.NetworkPolicy
	for _, policy := range policies {
		if policy.Namespace == pod.Namespace && selects(&policy.Spec.PodSelector, pod.Labels) &&
			slices.Contains(policy.Spec.PolicyTypes, networking.PolicyTypeIngress) {
			found = append(found, policy)
		}
	}
	return found
}

// allowed says what gets to a Pod: a match for each pair of a source and a port.
func (c cluster) allowed(policies []*networking.NetworkPolicy, pod *v1.Pod) []string {
	var matches []string
	for _, policy := range policies {
		for _, rule := range policy.Spec.Ingress {
			for _, source := range c.sources(policy.Namespace, rule.From) {
				for _, port := range ports(rule.Ports, pod) {
					matches = append(matches, strings.TrimSpace(source+" "+port))
				}
			}
		}
	}
	slices.Sort(matches) // the informers have no order, and the same rules are not installed again
	return slices.Compact(matches)
}

// sources are matches for the peers of a rule; an empty one matches everything.
func (c cluster) sources(namespace string, peers []networking.NetworkPolicyPeer) []string {
	if len(peers) == 0 {
		return []string{""}
	}
	var found, addresses []string
	for _, peer := range peers {
		if block := peer.IPBlock; block != nil {
			if isIPv4(block.CIDR) {
				found = append(found, "ip saddr "+block.CIDR+except(block.Except))
			}
			continue
		}
		for address, pod := range c.pods {
			if c.isPeer(&peer, namespace, pod) {
				addresses = append(addresses, address)
			}
		}
	}
	if len(addresses) > 0 {
		slices.Sort(addresses)
		found = append(found, fmt.Sprintf("ip saddr { %s }", strings.Join(slices.Compact(addresses), ", ")))
	}
	return found
}

func except(blocks []string) string {
	matches := ""
	for _, each := range blocks {
		matches += " ip saddr != " + each
	}
	return matches
}

func isIPv4(block string) bool { return !strings.Contains(block, ":") }

func (c cluster) isPeer(peer *networking.NetworkPolicyPeer, namespace string, pod *v1.Pod) bool {
	if peer.NamespaceSelector == nil && pod.Namespace != namespace {
		return false
	}
	return (peer.NamespaceSelector == nil || selects(peer.NamespaceSelector, c.namespaces[pod.Namespace])) &&
		(peer.PodSelector == nil || selects(peer.PodSelector, pod.Labels))
}

// ports are matches for the ports of a rule as one Pod has them; an empty one matches everything.
func ports(wanted []networking.NetworkPolicyPort, pod *v1.Pod) []string {
	if len(wanted) == 0 {
		return []string{""}
	}
	var found []string
	for _, each := range wanted {
		protocol := v1.ProtocolTCP
		if each.Protocol != nil {
			protocol = *each.Protocol
		}
		name := strings.ToLower(string(protocol))
		switch {
		case each.Port == nil:
			found = append(found, "meta l4proto "+name)
		case each.Port.Type == intstr.String:
			for _, number := range named(each.Port.StrVal, protocol, pod) {
				found = append(found, fmt.Sprintf("%s dport %d", name, number))
			}
		case each.EndPort != nil:
			found = append(found, fmt.Sprintf("%s dport %d-%d", name, each.Port.IntVal, *each.EndPort))
		default:
			found = append(found, fmt.Sprintf("%s dport %d", name, each.Port.IntVal))
		}
	}
	return found
}

func named(name string, protocol v1.Protocol, pod *v1.Pod) []int32 {
	var found []int32
	for _, container := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		for _, port := range container.Ports {
			if port.Name == name && port.Protocol == protocol {
				found = append(found, port.ContainerPort)
			}
		}
	}
	return found
}

func selects(selector *metav1.LabelSelector, set labels.Set) bool {
	found, err := metav1.LabelSelectorAsSelector(selector)
	return err == nil && found.Matches(set)
}

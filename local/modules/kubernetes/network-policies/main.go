// Enforces NetworkPolicies on the embedded cluster's real nodes, with rules in an nftables table of its own.
//
// What a policy says about traffic that comes in is enforced in full. What it says about traffic that goes out is not.
// Traffic from the node itself, such as the kubelet's probes, always gets in, as everywhere in Kubernetes.
//
// The programs that do this elsewhere want more of the kernel (NFQUEUE in nftables, ipset, eBPF) than kube-proxy does,
// and not every machine has it. This one needs what kube-proxy needs.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	v1 "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coreinformers "k8s.io/client-go/informers/core/v1"
	networkinginformers "k8s.io/client-go/informers/networking/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
)

func main() {
	kubeconfig := flag.String("kubeconfig", "", "how to reach the cluster")
	nodes := flag.String("nodes", "", "the nodes whose Pods are guarded, separated by commas")
	table := flag.String("table", "", "the nftables table to keep the rules in")
	flag.Parse()
	if err := run(*kubeconfig, strings.Split(*nodes, ","), *table); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run keeps the rules up to date until it is told to stop. They outlive it, so that a restart opens no door.
func run(kubeconfig string, nodes []string, table string) error {
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer cancel()
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	pods := []cache.SharedIndexInformer{}
	for _, node := range nodes {
		onNode := func(options *metav1.ListOptions) { options.FieldSelector = "spec.nodeName=" + node }
		pods = append(pods, coreinformers.NewFilteredPodInformer(client, "", 0, cache.Indexers{}, onNode))
	}
	namespaces := coreinformers.NewNamespaceInformer(client, 0, cache.Indexers{})
	policies := networkinginformers.NewNetworkPolicyInformer(client, "", 0, cache.Indexers{})
	changed, err := follow(stop, append(pods, namespaces, policies)...)
	if err != nil {
		return err
	}
	for installed := ""; ; {
		pause := 30 * time.Second // then anew, in case that somebody else has removed the rules
		wanted := rules(table, all[*v1.Pod](pods...), all[*v1.Namespace](namespaces), all[*networking.NetworkPolicy](policies))
		if wanted != installed {
			if err := install(wanted); err != nil {
				klog.Error(err)
				pause = time.Second
			} else {
				installed = wanted
			}
		}
		select {
		case <-stop.Done():
			return nil
		case <-changed:
		case <-time.After(pause):
			installed = ""
		}
	}
}

// follow starts the informers, waits until they know what there is, and tells of what changes from then on.
func follow(stop context.Context, informers ...cache.SharedIndexInformer) (<-chan struct{}, error) {
	changed := make(chan struct{}, 1)
	tell := func() {
		select {
		case changed <- struct{}{}:
		default: // it will be looked at anyway
		}
	}
	for _, informer := range informers {
		if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc:    func(any) { tell() },
			UpdateFunc: func(any, any) { tell() },
			DeleteFunc: func(any) { tell() },
		}); err != nil {
			return nil, err
		}
		go informer.Run(stop.Done())
	}
	for _, informer := range informers {
		cache.WaitForCacheSync(stop.Done(), informer.HasSynced)
	}
	return changed, nil
}

func all[T any](informers ...cache.SharedIndexInformer) []T {
	found := []T{}
	for _, informer := range informers {
		for _, each := range informer.GetStore().List() {
			found = append(found, each.(T))
		}
	}
	return found
}

// install replaces all rules at once: at no time is there a part of them.
func install(rules string) error {
	command := exec.Command("nft", "-f", "-")
	command.Stdin = strings.NewReader(rules)
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("nft: %w: %s", err, output)
	}
	return nil
}

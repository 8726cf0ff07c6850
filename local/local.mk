# The embedded engine and cluster; included by the Makefile, and usable alone: make -f local/local.mk cluster

LOCAL := PYTHONPATH=$(patsubst %/local/local.mk,%,$(abspath $(lastword $(MAKEFILE_LIST)))) $(or $(PYTHON),python3) -m local
BINARIES := etcd etcdctl kwok kwokctl kube-apiserver kube-controller-manager kube-scheduler kubectl \
	volume-provisioner network-disks network-policies kubelet kube-proxy coredns \
	csi-driver csi-provisioner csi-attacher csi-resizer csi-snapshotter snapshot-controller pulumi-language-python pulumi-language-yaml pulumi \
	pulumi-resource-kubernetes

.PHONY: cluster cluster-down cluster-delete cluster-status env binaries image load-image import-image test-image $(BINARIES:%=bin-%)

cluster: ## Build what is missing, and start the embedded cluster; NODES=3 for three real nodes
	@$(LOCAL) cluster $(if $(NODES),--nodes $(NODES))

cluster-down: ## Stop the embedded cluster; its data stay
	@$(LOCAL) cluster-down

cluster-delete: ## Stop the embedded cluster and delete its data
	@$(LOCAL) cluster-delete

cluster-status: ## Print each part of the embedded cluster, its process and its log
	@$(LOCAL) status

env: ## Print the settings for a shell: eval "$(make -s env)"
	@$(LOCAL) env $(if $(CONTEXT),--context '$(CONTEXT)')

binaries: ## Build every program of the embedded engine and cluster into the cache
	@$(LOCAL) binaries

$(BINARIES:%=bin-%): bin-%:
	@$(LOCAL) binaries $*

image: ## Make the images for the embedded cluster
	@$(LOCAL) image

load-image: cluster ## Make the image IMAGE of an example, and give it to the embedded cluster
	@$(LOCAL) load-image $(IMAGE)

import-image: cluster ## Give an image of your own to the embedded cluster, from FILE (docker save --output FILE NAME:TAG)
	@$(LOCAL) import-image $(FILE)

test-image: ## Test the programs in the images
	@$(LOCAL) test-image

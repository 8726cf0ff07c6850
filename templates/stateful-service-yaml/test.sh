#!/bin/sh
# Renders the manifests of each stack, without a cluster, in a copy with a state of its own, and looks at what they say.
set -eu
cd "$(dirname "$0")"
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
export PULUMI_BACKEND_URL="file://$copy" PULUMI_CONFIG_PASSPHRASE=test
unset PULUMI_CONFIG_PASSPHRASE_FILE
cp Pulumi.yaml "$copy"

render() {
    # Without what a stack needs for its secrets and for its cluster.
    grep -Ev '^ *(encryptionsalt|encryptedkey|secretsprovider|kubernetes:context):' "Pulumi.$1.yaml" > "$copy/Pulumi.$1.yaml"
    pulumi --cwd "$copy" stack init "$1"
    pulumi --cwd "$copy" config set kubernetes:renderYamlToDirectory "$copy/$1"
    pulumi --cwd "$copy" up --yes --skip-preview --non-interactive --suppress-progress
}

has() {
    grep -rqE "^ *$2\$" "$copy/$1" || { echo "The manifests of $1 have no line '$2'."; exit 1; }
}

render dev
has dev 'replicas: 1'
has dev 'storage: 1Gi'

render prod
has prod 'replicas: 3'
has prod 'storage: 10Gi'

echo "dev and prod have the instances and the disks that they should have."

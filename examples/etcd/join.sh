# Gives a member that has caught up its vote. etcd refuses until then, and the component tries again.
set -eu
listed=$(etcdctl member list | grep ", http://$2:2380,")
case $listed in
    *true) etcdctl member promote "${listed%%,*}" ;;
esac

#!/usr/bin/env bash
# One Ceph monitor, one OSD in memory and one object gateway on loopback: a real S3 server for tests.
#   ceph.sh start DIR PORT   installs what is missing (Debian, root), starts, and prints KEY=VALUE lines
#   ceph.sh stop DIR         ends what was started in DIR
set -euo pipefail
export LC_ALL=C # radosgw ends on a locale that is not installed
command=${1:?start or stop}
dir=${2:?a directory}
access_key=runlog-test-access
secret_key=runlog-test-secret-0123456789abcdef

stop() {
  # only test data: nothing has to be written before the end
  for name in client osd mon; do
    if [ -f "$dir/$name.pid" ]; then kill -9 "$(cat "$dir/$name.pid")" 2>/dev/null || true; fi
    rm -f "$dir/$name.pid"
  done
}

if [ "$command" = stop ]; then
  stop
  exit 0
fi

port=${3:?a port}
if ! command -v radosgw >/dev/null || ! command -v ceph-osd >/dev/null || ! command -v ceph-mon >/dev/null; then
  apt-get update -qq >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends radosgw ceph-mon ceph-osd >&2
fi

stop
rm -rf "$dir"
mkdir -p "$dir"/{mon,osd,run,rgw}
export CEPH_CONF=$dir/ceph.conf
trap 'echo "ceph.sh failed at line $LINENO" >&2; tail -n 5 "$dir/err" >&2; stop' ERR
id=$(cat /proc/sys/kernel/random/uuid)
cat >"$CEPH_CONF" <<CONF
[global]
fsid = $id
mon_host = [v2:127.0.0.1:$((port + 1))/0]
ms_bind_msgr1 = false
public_network = 127.0.0.0/8
cluster_network = 127.0.0.0/8
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
run_dir = $dir/run
admin_socket = $dir/run/\$cluster-\$name.asok
pid_file = $dir/\$type.pid
log_file = $dir/\$name.log
mon_cluster_log_file = $dir/cluster.log
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 1
osd_pool_default_pgp_num = 1
mon_allow_pool_size_one = true
mon_warn_on_pool_no_redundancy = false
mon_max_pg_per_osd = 1000
osd_crush_chooseleaf_type = 0
osd_crush_update_on_start = false
[mon.a]
mon_data = $dir/mon
mon_initial_members = a
mon_data_avail_crit = 1
mon_data_avail_warn = 2
paxos_propose_interval = 0.05
paxos_min_wait = 0.01
[osd.0]
osd_data = $dir/osd
osd_objectstore = memstore
osd_journal_size = 100
osd_numa_auto_affinity = false
[client.rgw.a]
ms_mon_client_mode = crc
ms_mon_service_mode = crc
rgw_frontends = beast endpoint=127.0.0.1:$port tcp_nodelay=1
rgw_thread_pool_size = 64
rgw_enable_gc_threads = false
rgw_enable_lc_threads = false
rgw_run_sync_thread = false
rgw_data = $dir/rgw
CONF

monmaptool --create --fsid "$id" --addv a "[v2:127.0.0.1:$((port + 1))/0]" "$dir/monmap" >/dev/null
ceph-mon --mkfs -i a --monmap "$dir/monmap" >/dev/null 2>>"$dir/err"
ceph-mon -i a 2>>"$dir/err"
osd_id=$(cat /proc/sys/kernel/random/uuid)
ceph --connect-timeout 20 osd new "$osd_id" >/dev/null 2>>"$dir/err"
ceph --connect-timeout 20 osd crush add-bucket default root >/dev/null 2>&1 || true
ceph --connect-timeout 20 osd crush add osd.0 1.0 root=default >/dev/null 2>>"$dir/err"
ceph-osd -i 0 --mkfs --osd-uuid "$osd_id" >/dev/null 2>>"$dir/err"
ceph-osd -i 0 >/dev/null 2>>"$dir/err"
radosgw-admin -n client.rgw.a user create --uid=test --display-name=test \
  --access-key="$access_key" --secret-key="$secret_key" >/dev/null 2>>"$dir/err"
radosgw -n client.rgw.a >/dev/null 2>>"$dir/err"
for _ in $(seq 300); do
  if curl -s -m 2 -o /dev/null "http://127.0.0.1:$port/"; then
    echo "S3_TEST_ENDPOINT=http://127.0.0.1:$port"
    echo "S3_TEST_ACCESS_KEY=$access_key"
    echo "S3_TEST_SECRET_KEY=$secret_key"
    exit 0
  fi
  sleep 0.1
done
echo "the gateway did not answer" >&2
exit 1

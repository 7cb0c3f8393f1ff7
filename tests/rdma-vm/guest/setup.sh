#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Second program of the guest, and its process 1: network and RDMA devices, then the command; its exit code and the power off.
# Reads the run's folder (/run/rdma-vm): config, command; writes exit.GUEST.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
run=/run/rdma-vm
. "$run/config"
GUEST=$(sed -n 's/.*\<rdma_vm\.guest=\([0-9]*\).*/\1/p' /proc/cmdline)
export GUEST

finish() {
  echo "$1" >"$run/exit.$GUEST"
  sync
  busybox poweroff -f
  while :; do sleep 1; done
}
fail() {
  echo "rdma-vm: guest $GUEST: $*" >/dev/console
  finish failed
}

hostname "guest$GUEST"
echo 1 >/proc/sys/kernel/printk
ulimit -l unlimited -c 0
ip link set lo up
# Several ports of one machine stand on one Ethernet: each answers for its own address only, and takes packets of the others.
for setting in rp_filter:0 accept_local:1 arp_ignore:1 arp_announce:2; do
  for place in all default; do echo "${setting#*:}" >"/proc/sys/net/ipv4/conf/$place/${setting%:*}"; done
done

# Device D of guest G is rxeD on ethD with address 10.(1+D).0.(1+G). In a guest alone a pair of virtual Ethernet ports takes the
# place of the machine's: rxe hands what it sends to itself back without a wire. Several devices of one guest stand on one bridge
# and reach each other over it, so that packets between them are received where their address belongs.
address() { echo "10.$((1 + $2)).0.$((1 + $1))"; }
network() {
  local device
  if ((GUESTS == 1)); then
    ip link add bridge0 mtu "$MTU" type bridge && ip link set bridge0 up || return
    for ((device = 0; device < DEVICES; ++device)); do
      ip link add "eth$device" mtu "$MTU" type veth peer name "port$device" mtu "$MTU" &&
        ip link set "port$device" master bridge0 up || return
    done
  fi
  for ((device = 0; device < DEVICES; ++device)); do
    ip addr add "$(address "$GUEST" "$device")/24" dev "eth$device" && ip link set "eth$device" up &&
      rdma link add "rxe$device" type rxe netdev "eth$device" || return
  done
}
network || fail "no network"

{
  echo "127.0.0.1 localhost"
  for ((guest = 0; guest < GUESTS; ++guest)); do echo "$(address "$guest" 0) guest$guest"; done
} >/etc/hosts 2>/dev/null
ADDRESSES=
for ((guest = 0; guest < GUESTS; ++guest)); do ADDRESSES+="$(address "$guest" 0) "; done
ADDRESSES=${ADDRESSES% }
ADDRESS=$(address "$GUEST" 0)
export ADDRESS ADDRESSES GUESTS DEVICES
PATH=$TOOLS:$PATH

for name in /sys/class/virtio-ports/*/name; do
  if [[ $(<"$name") == output ]]; then
    output=/dev/$(basename "$(dirname "$name")")
  fi
done
guest-barrier up || fail "not every guest came up"

# A pipe, not the port itself: programs may open /dev/stdout again. What is left behind by the command holds the pipe open, and
# is waited for no longer than a second.
mkfifo /run/output
cat /run/output >"$output" &
relay=$!
work=(bash "$run/command")
if ((CLUSTER && GUEST > 0)); then
  work=("$AGENT")
fi
setsid "${work[@]}" </dev/null >/run/output 2>&1
code=$?
for ((wait = 0; wait < 20; ++wait)); do
  kill -0 "$relay" 2>/dev/null || break
  sleep 0.05
done
finish "$code"

#!/bin/sh
# limits.sh: what clients may use of us is counted over all workers and reloads,
# by the address behind the PROXY header; a worker that is killed gives back
# what it held.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"

must gateway gw <<END
hostname = "gw.example.org"
workers  = 2
limits {
	connections = 40  per-client = 5  rate = "30/1d"  message-rate = "25/1d"
}
listen mx {
	address    = {"127.0.0.1:@PORT1@"}
	proxy-from = {"127.0.0.1"}
	unlimited  = {"198.51.100.0/24"}
}
listen few {
	address    = {"127.0.0.1:@PORT2@"}
	proxy-from = {"127.0.0.1"}
	limits { connections = 3  per-client = 2 }
}
backend sink { protocol = discard }
route sunk { rcpt-domain = {"example.org"}  backend = sink }
END

to_port=$port1
# hold NAME COUNT ARGS...: so many clients that stay; how many were let in is
# in $held
hold() {
	_name=$1 _count=$2
	shift 2
	run "$_name" "$SMTPGEN" --idle "$_count" -t 120 --timeout 120 \
	    --proxy v2 "$@" "127.0.0.1:$to_port"
	wait_until 20 grep -q '^idle=' "$tmp/$_name.log"
	held=$(field idle "$(grep '^idle=' "$tmp/$_name.log")")
}
# release PID: and all its sessions have ended
release() {
	kill -TERM "$1" 2>/dev/null
	wait "$1" 2>/dev/null
	forget "$1"
}
# Nobody else is there, and they are two.
no_worker_of() {
	[ "$(kids "$gw_pid" | awk 'END { print NR }')" = 2 ] &&
	    ! kids "$gw_pid" | grep -qx -e "$1" -e "$2"
}

hold one 20 --client-address 192.0.2.1
one=$pid
equal "20 connections of one client, 5 are let in by both workers" "$held" 5
hold two 5 --client-address 192.0.2.2
two=$pid
equal "another client has 5 of its own" "$held" 5
hold six 6 --client-address 2001:db8::1
six=$pid
equal "so has an IPv6 client" "$held" 5
matches "who is refused is in the log" "$(cat "$gw_log")" \
    'event=session .*client=192\.0\.2\.1 .*end=refused reply="421 4\.7\.0 too many'

# Both, so that it is known who holds how many: nobody.
# shellcheck disable=SC2046 # words are wanted
set -- $(kids "$gw_pid")
kill -KILL "$1" "$2"
check "two workers are killed and started again" \
    wait_until 20 no_worker_of "$1" "$2"
release "$one"
release "$two"
release "$six"
hold again 10 --client-address 192.0.2.1
equal "they gave back what they held" "$held" 5
again=$pid

# shellcheck disable=SC2046
set -- $(kids "$gw_pid")
kill -HUP "$gw_pid"
check "a reload" wait_until 20 grep -q 'configuration is changed' "$gw_log"
hold after 3 --client-address 192.0.2.1
equal "the old workers' sessions still count" "$held" 0
release "$pid"
release "$again"
check "they end when their sessions do" \
    wait_until 20 no_worker_of "$1" "$2"
hold later 6 --client-address 192.0.2.1
equal "and give their counts back" "$held" 5
later=$pid

# A listener with limits of its own, at which a client is counted apart.
to_port=$port2
hold few 4 --client-address 192.0.2.1
equal "a listener's own limit: 2, beside 5 at another one" "$held" 2
few=$pid
hold fewer 2 --client-address 192.0.2.2
equal "3 connections in all, by both workers" "$held" 1
release "$few"
release "$pid"
to_port=$port1

# Connections and messages in a time; what was refused above is not counted.
gen -n 100 -c 2 --proxy v1 --client-address 203.0.113.1 "127.0.0.1:$port1"
equal "30 connections a day, 25 messages" "$(field ok "$gen_out")" 25
matches "connections that come too fast" "$(cat "$gw_log")" \
    'client=203\.0\.113\.1 .*end=refused reply="421 4\.7\.0 connections from'
gen -n 100 -m 100 --proxy v1 --client-address 203.0.113.2 "127.0.0.1:$port1"
equal "25 messages a day, by one connection" \
    "$(field ok "$gen_out") $(field permfail "$gen_out")" "25 0"
gen -n 100 -c 20 -m 1 --proxy v1 --client-address 198.51.100.7 "127.0.0.1:$port1"
equal "unlimited clients have no such limits" "$(field ok "$gen_out")" 100

# All connections: 192.0.2.1 to .254 in turn, of which .1 has its five.  The last
# two of 40 are kept.
hold all 60
equal "38 of 40 connections are for everybody" "$held" 33
hold reserve 10 --client-address 198.51.100.7
equal "the last two are for unlimited clients" "$held" 2
release "$later"

stop "$gw_pid"
equal "posternd ends well" "$code" 0
finish

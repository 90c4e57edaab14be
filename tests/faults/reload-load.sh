#!/bin/sh
# reload-load.sh: 200 connections per second, each with one message, over 20
# reloads: none refused, none cut, no message lost or twice.
#
# RELOADS=20, RELOAD_SECONDS=15 that they take.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"

reloads=${RELOADS:-20}
seconds=${RELOAD_SECONDS:-15}
# Fourteen clients, and 50 ms for each message: 280 a second at most, and more than
# 200 with what a connection costs on a machine that does nothing else.
messages=$((250 * seconds))
must sink sink --fail dot=slow=50

# config WORKERS GREETING: it changes each time
config() {
	cat <<-END
	hostname = "gw.example.org"
	workers  = $1
	listen mx { address = {"127.0.0.1:@PORT1@"}  greeting = "$2" }
	backend sink {
		protocol = smtp
		server one { address = "127.0.0.1:$sink_port" }
	}
	route sunk { rcpt-domain = {"example.org"}  backend = sink }
	END
}
config 2 first >"$tmp/first"
must gateway gw <"$tmp/first"

run load "$SMTPGEN" -n "$messages" -c 14 -m 1 --acked "$tmp/acked" \
    "127.0.0.1:$port1"
load_pid=$pid
changes() { grep -c 'configuration is changed' "$gw_log"; }
more_changes() { [ "$(changes)" -gt "$1" ]; }
pause=$(awk -v s="$seconds" -v r="$reloads" 'BEGIN { print s / r * 0.8 }')
under_load=0 n=0
while [ "$n" -lt "$reloads" ]; do
	n=$((n + 1))
	sed "s/^workers.*/workers = $((n % 3 + 1))/
	    s/greeting = \"[a-z0-9]*\"/greeting = \"g$n\"/" \
	    "$gw_conf" >"$gw_conf.new"
	mv "$gw_conf.new" "$gw_conf"
	before=$(changes)
	kill -HUP "$gw_pid"
	wait_until 20 more_changes "$before" ||
	    not_ok "reload $n" "$(tail -n 5 "$gw_log")"
	gone_or_zombie "$load_pid" || under_load=$((under_load + 1))
	sleep "$pause"
done
wait "$load_pid"
load_code=$?
forget "$load_pid"
out=$(grep '^gen ' "$tmp/load.log")
equal "all reloads happen" "$(changes)" "$reloads"
at_least "and most of them under load" "$under_load" $((reloads * 3 / 4))
equal "every message is accepted at the first attempt" \
    "$load_code $(field ok "$out") $(field tempfail "$out") $(field permfail "$out")" \
    "0 $messages 0 0"
equal "each on a connection of its own, none refused, none cut" \
    "$(field connections "$out") $(field no_connect "$out") $(field lost "$out")" \
    "$messages 0 0"
sink_now "$sink_pid" "$sink_log"
equal "none is lost, none there twice" \
    "$(field distinct "$sink_out") $(field lost "$sink_out") $(field duplicates "$sink_out")" \
    "$messages 0 0"
last=$((reloads % 3 + 1))
only_last() {
	[ "$(ps -A -o ppid= -o comm= | grep -c "^ *$gw_pid ")" -eq "$last" ]
}
check "only the last workers are left" wait_until 15 only_last
echo "# $(field connections "$out") connections in $(field seconds "$out") s, $reloads reloads, $under_load of them under load: $(field no_connect "$out") refused, $(field lost "$out") cut, $(field tempfail "$out") times 4xx"
lacks "no process of ours has died" "$(cat "$gw_log")" ' died: '
stop "$gw_pid"
equal "posternd ends well" "$code" 0
finish

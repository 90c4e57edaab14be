#!/bin/sh
# idle.sh: 10,000 clients that greet and then say nothing, beside normal mail.  They
# cost a backend no connection, mail flows as before, and none of them is sent
# away.  What one of them costs in memory is reported.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"

clients=10000
# Both smtpgen and, if the kernel likes it, a single worker need that many.
need_fds=$((clients + 500))
# shellcheck disable=SC3045 # where there is no -n, the next line says so
ulimit -n $need_fds 2>/dev/null ||
    ulimit -n "$(ulimit -H -n 2>/dev/null)" 2>/dev/null || :
# shellcheck disable=SC3045
have_fds=$(ulimit -n 2>/dev/null) || have_fds=0
case $have_fds in
unlimited) ;;
*[!0-9]* | "") have_fds=0 ;;
esac
if [ "$have_fds" != unlimited ] && [ "$have_fds" -lt $need_fds ]; then
	not_run "10,000 idle clients" \
	    "$need_fds descriptors are wanted, the limit here is $have_fds"
	finish
fi

must sink sink
must gateway gw <<END
hostname = "gw.example.org"
workers  = 2
limits { connections = 12000  command-timeout = 5m }
listen mx { address = {"127.0.0.1:@PORT1@"} }
backend sink {
	protocol = smtp
	server one { address = "127.0.0.1:$sink_port" }
	pool { idle-timeout = 5m  idle = 8  max = 8 }
}
route in { rcpt-domain = {"example.org"}  backend = sink }
END
workers=$(kids "$gw_pid")

connections() {
	sink_now "$sink_pid" "$sink_log"
	field connections "$sink_out"
}

# Everything that is made once is made.
gen -n 400 -c 20 "127.0.0.1:$port1"
equal "before: 400 messages" "$(field ok "$gen_out")" 400
# shellcheck disable=SC2086 # words are wanted
memory_before=$(memory_of $workers) backend_before=$(connections)

run idle "$SMTPGEN" --idle $clients -t 300 --timeout 300 "127.0.0.1:$port1"
idle_pid=$pid
wait_until 60 grep -q '^idle=' "$tmp/idle.log"
idle=$(grep '^idle=' "$tmp/idle.log")
equal "10,000 clients are there, each with a session" \
    "$(field idle "$idle") $(field failed "$idle")" "$clients 0"
equal "they cost the backend no connection" "$(connections)" "$backend_before"

# shellcheck disable=SC2086
each=$((($(memory_of $workers) - memory_before) * 1024 / clients))
at_most "an idle client costs $each octets of memory, at most 4096" $each 4096

gen -n 1000 -c 20 -m 5 --first 1001 "127.0.0.1:$port1"
equal "beside them: 1000 messages" \
    "$(field ok "$gen_out") $(field lost "$gen_out")" "1000 0"
sink_now "$sink_pid" "$sink_log"
# What one worker gives up for the other may still be closing at the server.
at_most "over no more connections than the pool has" \
    "$(field max_open "$sink_out")" 10
equal "nothing twice, damaged or empty" \
    "$(field duplicates "$sink_out") $(field damaged "$sink_out") $(field empty "$sink_out")" \
    "0 0 0"
check "the idle ones are all still there" alive "$idle_pid"
equal "none of them was sent away" "$(grep -Ec 'end=(shed|refused|timeout)' "$gw_log")" 0

# They leave all at once.
kill -TERM "$idle_pid"
wait "$idle_pid" 2>/dev/null
forget "$idle_pid"
gen -n 400 -c 20 --first 3001 "127.0.0.1:$port1"
equal "behind them: 400 messages" "$(field ok "$gen_out")" 400
equal "the workers are the same" "$(kids "$gw_pid")" "$workers"
kill -TERM "$gw_pid"
check "no session stays: posternd ends at once" \
    wait_until 10 gone_or_zombie "$gw_pid"
stop "$gw_pid"
equal "posternd ends well" "$code" 0
finish

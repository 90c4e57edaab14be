#!/bin/sh
# memory.sh: more clients than the memory that limits.memory allows, over two
# workers.  New ones are sent away, idle ones make room for messages, large
# messages go to files, trusted clients are served, and nothing is lost.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"

must sink sink
mkdir "$tmp/spool"
must gateway gw <<END
hostname = "gw.example.org"
workers  = 2
limits {
	connections = 5000  per-client = 0  rate = ""  memory = 2M
}
spool { directory = "$tmp/spool" }
listen mx {
	address    = {"127.0.0.1:@PORT1@"}
	proxy-from = {"127.0.0.1"}
	unlimited  = {"198.51.100.0/24"}
}
backend sink {
	protocol = smtp
	server one { address = "127.0.0.1:$sink_port" }
}
route sunk { rcpt-domain = {"example.org"}  backend = sink }
END
mail() {
	gen --proxy v2 "$@" "127.0.0.1:$port1"
}

mail -n 50 -c 5 -m 5 --client-address 192.0.2.1
equal "with memory: mail flows" "$(field ok "$gen_out")" 50
lacks "and there is nothing to say" "$(cat "$gw_log")" 'msg="memory: '

run idle "$SMTPGEN" --idle 2000 -t 120 --timeout 120 --proxy v2 \
    "127.0.0.1:$port1"
idle_pid=$pid
wait_until 60 grep -q '^idle=' "$tmp/idle.log"
held=$(field idle "$(grep '^idle=' "$tmp/idle.log")")
at_least "clients that 2 MiB are enough for are let in" "$held" 200
at_most "the others of 2000 are not" "$held" 1200
matches "who is refused hears why" "$(cat "$gw_log")" \
    'event=session .*end=refused reply="421 4\.3\.2 too busy for another conn'
matches "the log says what is short" "$(cat "$gw_log")" \
    'level=error msg="memory: [0-9]* of 2097152 octets are in use: no new conn'

mail -n 100 -c 4 -m 5 --first 1001 --client-address 198.51.100.7
equal "trusted clients are served" \
    "$(field ok "$gen_out") $(field tempfail "$gen_out")" "100 0"
mail -n 12 -c 4 -m 3 -s 900000 --first 2001 --client-address 198.51.100.7
equal "with large messages too, which go to files" \
    "$(field ok "$gen_out") $(field tempfail "$gen_out")" "12 0"
equal "of which nothing is left" "$(ls -A "$tmp/spool")" ""

kill -TERM "$idle_pid"
wait "$idle_pid" 2>/dev/null
forget "$idle_pid"
mail -n 500 -c 20 -m 2 --first 10001 --retry 200 --retry-delay 20 \
    --client-address 192.0.2.1
equal "when they leave, mail of everybody flows" "$(field ok "$gen_out")" 500
sink_end "$sink_pid" "$sink_log"
equal "all messages are there, once, undamaged" \
    "$(field distinct "$sink_out") $(field duplicates "$sink_out") $(field damaged "$sink_out")" \
    "662 0 0"
stop "$gw_pid"
equal "posternd ends well" "$code" 0
finish

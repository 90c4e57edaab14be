#!/bin/sh
# descriptors.sh: more clients than descriptors.  posternd neither burns the
# processor nor dies nor says 5xx; idle clients make room for those that have
# something to say.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"

must sink sink
must cert own 2
cat >"$tmp/limited" <<END
#!/bin/sh
ulimit -n 64
exec '$POSTERND' "\$@"
END
chmod +x "$tmp/limited"
absent() { ! grep -q "$1" "$2"; }

real=$POSTERND
POSTERND=$tmp/limited
must gateway gw <<END
hostname = "gw.example.org"
workers  = 1
limits { command-timeout = 60s }
listen mx { address = {"127.0.0.1:@PORT1@"} }
listen secure { address = {"127.0.0.1:@PORT2@"}  tls = own }
tls own { certificate = {"$tmp/own.crt"}  key = {"$tmp/own.key"} }
backend sink {
	protocol = smtp
	server one { address = "127.0.0.1:$sink_port" }
	pool { wait = 200ms }
}
route sunk { rcpt-domain = {"example.org"}  backend = sink }
END
POSTERND=$real
worker=$(kids "$gw_pid" | head -n 1)

gen -n 50 -c 5 -m 5 "127.0.0.1:$port1"
equal "with room: mail flows" "$(field ok "$gen_out")" 50

# 200 clients that would stay.
run idle "$SMTPGEN" --idle 200 -t 60 --timeout 60 "127.0.0.1:$port1"
idle_pid=$pid
check "more clients than descriptors: it is an error in the log" \
    wait_until 10 grep -q 'level=error.*accept: ' "$gw_log"
before=$(cpu_of "$worker")
lines=$(awk 'END { print NR }' "$gw_log")
# This is no synchronisation: two seconds are what is measured.
sleep 2
used=$(($(cpu_of "$worker") - before))
at_most "two seconds without descriptors cost little of the processor (1/100 s)" \
    "$used" 20
at_most "and do not fill the log" \
    $(($(awk 'END { print NR }' "$gw_log") - lines)) 30
check "the worker is alive" alive "$worker"

# The sleep above has made the clients idle.
gen -n 300 -c 3 -m 1 --first 2001 "127.0.0.1:$port1"
equal "while idle clients hold every descriptor: mail flows at once" \
    "$(field ok "$gen_out") $(field tempfail "$gen_out") $(field lost "$gen_out")" \
    "300 0 0"
check "no session that was at work has been closed" \
    absent 'event=mail.*end=shed' "$gw_log"

kill -TERM "$idle_pid"
wait "$idle_pid" 2>/dev/null
forget "$idle_pid"
at_least "idle clients were sent away" \
    "$(field failed "$(grep "^gen " "$tmp/idle.log")")" 1
served() {
	gen -n 1 --timeout 5 --first "$((5000 + $(date +%s) % 1000))" "127.0.0.1:$port1"
	[ "$(field ok "$gen_out")" = 1 ]
}
check "when they leave, mail flows again" wait_until 10 served
gen -n 200 -c 10 -m 2 --first 1001 "127.0.0.1:$port1"
equal "200 messages" "$(field ok "$gen_out")" 200

# held NAME PORT SAYS SECONDS: 60 clients come, say that, and are idle then;
# there is room for others all the same
# shellcheck disable=SC2016 # perl's variables
held() {
	rm -f "$tmp/held.log"
	run held perl -MIO::Socket::INET -e '
		my @s = map { IO::Socket::INET->new(PeerAddr => $ARGV[0]) } 1 .. 60;
		syswrite $_, $ARGV[1] =~ s/;/\r\n/gr for @s;
		$| = 1;
		print "there\n";
		sleep 60' "127.0.0.1:$2" "$3"
	held_pid=$pid
	check "$1: they are there" wait_until 10 grep -q there "$tmp/held.log"
	sleep "$4"
	held_first=$((held_first + 1000))
	gen -n 50 -c 3 -m 1 --timeout 5 --first $held_first "127.0.0.1:$port1"
	equal "$1, and hold every descriptor: mail flows at once" \
	    "$(field ok "$gen_out") $(field tempfail "$gen_out") $(field lost "$gen_out")" \
	    "50 0 0"
	kill -TERM "$held_pid"
	wait "$held_pid" 2>/dev/null
	forget "$held_pid"
}
held_first=20000
# They would stay for 30 seconds, or for a minute.
held "clients without a handshake" "$port2" '' 2
held "clients that stop behind MAIL" "$port1" \
    'EHLO x;MAIL FROM:<a@example.net>;' 6

# So many clients that talk that the backend's connections do not fit beside
# them: 4xx or a wait, never a 5xx, and nothing is lost.
gen -n 2000 -c 150 -m 2 --first 10001 --retry 200 --retry-delay 20 \
    --acked "$tmp/acked" "127.0.0.1:$port1"
equal "150 clients at once that send: all is accepted in the end, no 5xx" \
    "$(field ok "$gen_out") $(field permfail "$gen_out")" "2000 0"
sink_end "$sink_pid" "$sink_log"
equal "nothing twice, damaged or empty" \
    "$(field duplicates "$sink_out") $(field damaged "$sink_out") $(field empty "$sink_out")" \
    "0 0 0"
equal "the worker is the same one" "$(kids "$gw_pid")" "$worker"
stop "$gw_pid"
equal "posternd ends well" "$code" 0
finish

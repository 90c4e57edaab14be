#!/bin/sh
# dns.sh: the resolver (by build/tests/ask) against a real unbound with zones of
# a bad Internet: silence, SERVFAIL, REFUSED, truncation, aliases, a server that
# is restarted, a resolv.conf that changes.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"
# shellcheck source=tests/support/unbound.sh
. "$top/tests/support/unbound.sh"
need_unbound
ASK=$BUILD/tests/ask
[ -x "$ASK" ] || { not_run "all" "no $ASK"; finish; }

dead=$(free_port)

# nowhere.test is asked of the server itself, again and again, and fails
unbound_start <<END
	local-zone: "good.test." static
	local-data: "good.test. 60 IN SOA ns.good.test. root.good.test. 1 3600 900 86400 30"
	local-data: "good.test. 300 IN MX 20 b.good.test."
	local-data: "good.test. 300 IN MX 10 a.good.test."
	local-data: "a.good.test. 300 IN A 192.0.2.1"
	local-data: "a.good.test. 300 IN A 192.0.2.2"
	local-data: "a.good.test. 300 IN AAAA 2001:db8::1"
	local-data: 'good.test. 300 IN TXT "v=spf1 " "-all"'
	local-data: "null.good.test. 300 IN MX 0 ."
	local-data: "xn--bcher-kva.good.test. 300 IN A 192.0.2.3"
	local-data: "short.good.test. 1 IN A 192.0.2.4"
	local-data: "relay.good.test. 1 IN A 127.0.0.1"
$(for i in 1 2 3 4 5 6 7 8 9; do
	echo "	local-data: \"c$i.good.test. 300 IN CNAME c$((i + 1)).good.test.\""
done)
	local-data: "c10.good.test. 300 IN A 192.0.2.10"
	local-data: "loop1.good.test. 300 IN CNAME loop2.good.test."
	local-data: "loop2.good.test. 300 IN CNAME loop1.good.test."
$(i=100
while [ $i -lt 200 ]; do
	echo "	local-data: 'big.good.test. 300 IN TXT \"$i$(printf '%0240d' 0)\"'"
	i=$((i + 1))
done)
	local-zone: "2.0.192.in-addr.arpa." static
	local-data: "1.2.0.192.in-addr.arpa. 300 IN PTR a.good.test."
	local-zone: "nowhere.test." transparent
	local-zone: "deep.nowhere.test." refuse
	local-zone: "silent.test." deny
	local-zone: "refused.test." refuse
	local-zone: "nodata.test." always_nodata
stub-zone:
	name: "nowhere.test."
	stub-addr: 127.0.0.1@$dns_port
forward-zone:
	name: "."
	forward-addr: 127.0.0.1@$dead
END

# asked NAME TYPE [ARGS]: what is said, and the counters
asked() {
	_q="$1 $2"
	shift 2
	said=$(echo "$_q" | "$ASK" -s "127.0.0.1:$dns_port" "$@" 2>&1)
	answer=$(echo "$said" | sed -n 1p)
	counters=$(echo "$said" | tail -n 1)
}
# says NAME TYPE ANSWER
says() {
	asked "$1" "$2"
	equal "$1 $2" "$answer" "$1 $2 $3"
}

# --- answers ---------------------------------------------------------------------

says good.test MX "found 10:a.good.test 20:b.good.test"
says good.test TXT "found 11"
says a.good.test AAAA "found 2001:db8::1"
says null.good.test MX "found 0:"
says 1.2.0.192.in-addr.arpa PTR "found a.good.test"
says c9.good.test CNAME "found c10.good.test"
asked a.good.test A
matches "two addresses" "$answer" 'found 192.0.2.[12] 192.0.2.[12]$'
asked 'B\303\274cher.good.test' A # printf knows octal, echo may not
asked "$(printf 'B\303\234CHER.good.test')" A
equal "a U-label" "$answer" "xn--bcher-kva.good.test A found 192.0.2.3"
says good.test AAAA none
says nodata.test MX none
says nobody.good.test A nxdomain

asked big.good.test TXT
equal "a large answer is complete" "$(echo "$answer" | wc -w)" 103
equal "it came over TCP" "$(field tcp "$counters")" 1

# --- aliases: unbound gives local ones one by one ---------------------------------

says c2.good.test A "found 192.0.2.10"
says c1.good.test A "unknown (too many aliases)"
says loop1.good.test A "unknown (too many aliases)"

# --- no answer is unknown ---------------------------------------------------------

says refused.test MX "unknown (REFUSED)"
asked x.nowhere.test A -t 60000 -w 30000
equal "SERVFAIL" "$answer" "x.nowhere.test A unknown (SERVFAIL)"
equal "it is counted" "$(field failed "$counters")" 1
asked x.silent.test A -t 700 -w 100
equal "silence" "$answer" "x.silent.test A unknown (timed out)"
equal "it was asked again, with more patience" \
    "$(field queries "$counters") $(field timeouts "$counters")" "3 3"
asked good.test TXT -s "127.0.0.1:$dead" -t 700
equal "with a second server that is not there" "$answer" "good.test TXT found 11"
said=$(echo "good.test TXT" |
    "$ASK" -s "127.0.0.1:$dead" -s "127.0.0.1:$dns_port" 2>&1)
matches "with a first server that is not there" "$said" '^good.test TXT found 11'

# --- many at once, some of them from the cache -------------------------------------

{
	i=0
	while [ $i -lt 50 ]; do
		echo "good.test MX"
		echo "n$i.good.test A"
		echo "x$i.silent.test A"
		i=$((i + 1))
	done
} >"$tmp/many"
# (a file can not be waited for)
said=$(cat "$tmp/many" | "$ASK" -s "127.0.0.1:$dns_port" -t 500 -w 400 2>&1)
equal "equal questions" "$(echo "$said" | grep -c '^good.test MX found')" 50
equal "others at the same time" "$(echo "$said" | grep -c 'A nxdomain$')" 50
equal "and silent ones" "$(echo "$said" | grep -c 'unknown (timed out)$')" 50
equal "equal ones are asked once" \
    "$(field queries "$(echo "$said" | tail -n 1)")" 151

# --- a server that is restarted while it is asked -----------------------------------

mkfifo "$tmp/questions"
"$ASK" -s "127.0.0.1:$dns_port" -t 20000 -w 200 <"$tmp/questions" >"$tmp/said" 2>&1 &
ask_pid=$!
children="$children $ask_pid"
exec 9>"$tmp/questions"
echo "short.good.test A" >&9
wait_until 5 grep -q 'short.good.test A found' "$tmp/said"
check "before" grep -q 'short.good.test A found 192.0.2.4' "$tmp/said"
stop "$unbound_pid"
echo "a.good.test AAAA" >&9
wait_until 5 grep -q 'does not answer' "$tmp/said"
check "that the server is gone is logged" grep -q 'server 127.0.0.1:.* does not answer' "$tmp/said"
lacks "and nothing is said of the domain" "$(cat "$tmp/said")" 'AAAA'
unbound_again
wait_until 20 grep -q AAAA "$tmp/said"
check "who waited gets the answer" grep -q 'AAAA found 2001:db8::1' "$tmp/said"
check "that it is back is logged" grep -q 'server 127.0.0.1:.* answers again' "$tmp/said"
exec 9>&-
check "ask ends with its questions" wait_until 5 gone_or_zombie "$ask_pid"

# --- resolv.conf ----------------------------------------------------------------------

echo "nameserver [127.0.0.1]:$dead" >"$tmp/resolv.conf"
"$ASK" -r "$tmp/resolv.conf" -t 300 -w 100 <"$tmp/questions" >"$tmp/said2" 2>&1 &
ask_pid=$!
children="$children $ask_pid"
exec 9>"$tmp/questions"
echo "good.test TXT" >&9
wait_until 5 grep -q 'TXT unknown' "$tmp/said2"
printf 'search good.test\nnameserver [127.0.0.1]:%s\n' "$dns_port" >"$tmp/resolv.conf"
changed() {
	echo "good.test TXT" >&9
	sleep 1
	grep -q 'TXT found' "$tmp/said2"
}
wait_until 30 changed
check "a change of resolv.conf is followed" grep -q 'TXT found 11' "$tmp/said2"
said=$(cat "$tmp/said2")
matches "and logged" "$said" "resolv.conf has changed, 1 server"
exec 9>&-

# --- a backend's server by name: posternd itself -----------------------------------------

must sink sink
gw_with() { # NAME SERVER-ADDRESS
	gateway "$1" <<END
hostname = "gw.example.org"
workers  = 1
resolver { servers = {"127.0.0.1:$dns_port"}  timeout = 1s  retry = 300ms }
listen mx { address = {"127.0.0.1:@PORT1@"} }
backend out { protocol = smtp  server a { address = "$2:$sink_port" } }
route all { rcpt-domain = {"example.org"}  backend = out }
END
}
sent() {
	gen -n 1 --timeout 20 "127.0.0.1:$port1"
	[ "$(field ok "$gen_out")" = 1 ]
}
must gw_with gw relay.good.test
check "mail goes to a server by name" sent
matches "its address is logged" "$(cat "$gw_log")" \
    'backend out: server a: relay.good.test is 127.0.0.1'
stop "$unbound_pid"
sleep 3 # its TTL is over
check "and goes on while there is no resolver" sent
stop "$gw_pid"
said=$(cat "$gw_log")
matches "what was asked is counted" "$said" 'event=resolver worker=0 asked=[0-9]+'

"$POSTERND" -n -f "$gw_conf" >"$tmp/checked" 2>&1
equal "-n: a name that can not be looked up is no error" $? 0
matches "-n: but it warns" "$(cat "$tmp/checked")" \
    ':[0-9]+: warning: address "relay.good.test:[0-9]+": '

finish

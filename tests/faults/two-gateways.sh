#!/bin/sh
# two-gateways.sh: smtpgen -> HAProxy -> two gateways -> three backends.  In
# mid-load one backend is killed and one is drained, at both gateways; then one
# gateway stops, and one is killed.  No acknowledged message is missing and no
# client hears a 5xx.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"
# shellcheck source=tests/support/haproxy.sh
. "$top/tests/support/haproxy.sh"
need haproxy

for n in 1 2 3; do
	must sink "s$n" --received "$tmp/s$n.received"
	eval "s${n}_pid=\$sink_pid s${n}_port=\$sink_port"
done

# configuration GATEWAY
configuration() {
	cat <<-END
	hostname = "gw.example.org"
	workers  = 2
	drain    = 5s
	admin { control = "$tmp/gw$1.ctl/sock" }
	listen mx { address = {"127.0.0.1:@PORT1@"}  proxy-from = {"127.0.0.1"} }
	backend three {
		protocol = smtp
		connect-timeout = 500ms
		server s1 { address = "127.0.0.1:$s1_port" }
		server s2 { address = "127.0.0.1:$s2_port" }
		server s3 { address = "127.0.0.1:$s3_port" }
		check { interval = 200ms  timeout = 500ms  fall = 2  rise = 2 }
	}
	route three { rcpt-domain = {"example.org"}  backend = three }
	END
}
for g in A B; do
	configuration $g >"$tmp/configuration"
	must gateway "gw$g" <"$tmp/configuration"
	eval "gw${g}_pid=\$gw_pid gw${g}_log=\$gw_log gw${g}_conf=\$gw_conf
	    gw${g}_port=\$port1"
done

# drain_at GATEWAY: the second server
drain_at() { "$BUILD/posternctl" -s "$tmp/gw$1.ctl/sock" drain three/s2; }

answers() {
	gen -n 1 --first 900001 --timeout 2 --to warm@example.org "127.0.0.1:$front1"
	[ "$(field ok "$gen_out")" = 1 ]
}
must haproxy_start answers <<END
$(haproxy_common)
    retries 3
    option redispatch
    timeout connect 2s
    timeout client 11m
    timeout server 11m
frontend smtp
    bind 127.0.0.1:@FRONT1@
    default_backend gateways
backend gateways
    balance roundrobin
    option smtpchk EHLO lb.example.org
    server a 127.0.0.1:$gwA_port send-proxy-v2 check check-send-proxy inter 200ms fall 1 rise 1
    server b 127.0.0.1:$gwB_port send-proxy-v2 check check-send-proxy inter 200ms fall 1 rise 1
END

taken() { [ "$(awk 'END { print NR }' "$tmp/$1" 2>/dev/null)" -ge "$2" ]; }
# load NAME FIRST COUNT: in the background, with retries
load() {
	run "$1" "$SMTPGEN" -n "$3" -c 20 -m 5 --first "$2" --retry 200 \
	    --retry-delay 20 --acked "$tmp/$1.acked" "127.0.0.1:$front1"
	load_pid=$pid
}
# loaded NAME COUNT TITLE
loaded() {
	wait "$load_pid"
	forget "$load_pid"
	out=$(grep '^gen ' "$tmp/$1.log")
	equal "$3: all is accepted in the end, no 5xx" \
	    "$(field ok "$out") $(field permfail "$out")" "$2 0"
	equal "$3: nothing acknowledged is missing" \
	    "$(missing_from "$tmp/$1.acked" "$tmp"/s?.received)" 0
}
through() { awk 'END { print NR + 0 }' "$tmp/$1.received"; }
mails() { grep -c 'event=mail.*result=accepted' "$1"; }

# --- backends ------------------------------------------------------------------

load first 1 8000
must wait_until 30 taken first.acked 1000
kill9 "$s1_pid"
must wait_until 30 taken first.acked 2500
check "the first gateway drains a server" drain_at A
check "the second one, too" drain_at B
must wait_until 30 taken first.acked 5000
drained=$(through s2)
loaded first 8000 "a server killed, one drained"
at_most "the drained one gets nearly nothing any more" \
    $(($(through s2) - drained)) 200
at_least "both gateways have worked: the first" "$(mails "$gwA_log")" 1000
at_least "and the second" "$(mails "$gwB_log")" 1000
for log in "$gwA_log" "$gwB_log"; do
	check "each knows that the killed one is down" \
	    grep -q 'event=server backend=three server=s1 state=down' "$log"
done
# A gateway does not know the other's journal: what was uncertain at one and was
# sent again through the other is there twice.
uncertain=$(cat "$gwA_log" "$gwB_log" | grep -c 'uncertain=yes')
at_most "at most what is uncertain is there twice" \
    "$(twice "$tmp"/s?.received)" "$uncertain"

# --- gateways --------------------------------------------------------------------

load second 100001 6000
must wait_until 30 taken second.acked 1000
stop "$gwA_pid"
equal "a gateway stops in mid-load: well" "$code" 0
loaded second 6000 "a gateway stopped"
equal "and nothing is there twice" \
    "$(awk '$1 > 100000 && $1 < 200000' "$tmp"/s?.received | twice -)" 0

run gwA2 "$POSTERND" -d -f "$gwA_conf"
gwA_pid=$pid
wait_until 10 grep -q 'posternd starts' "$tmp/gwA2.log"
used() { [ "$(mails "$tmp/gwA2.log")" -ge 100 ]; }
load third 200001 6000
check "it comes back and is used" wait_until 20 used
master_and_workers="$gwB_pid $(kids "$gwB_pid" | tr '\n' ' ')"
# shellcheck disable=SC2086 # words
kill -KILL $master_and_workers
wait "$gwB_pid" 2>/dev/null
forget "$gwB_pid"
loaded third 6000 "a gateway killed, with all its workers"

stop "$gwA_pid"
equal "posternd ends well" "$code" 0
for n in 2 3; do
	eval "sink_end \"\$s${n}_pid\" \"$tmp/s$n.log\""
	equal "server $n: nothing damaged or empty" \
	    "$(field damaged "$sink_out") $(field empty "$sink_out")" "0 0"
done
finish

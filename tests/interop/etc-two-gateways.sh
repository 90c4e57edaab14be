#!/bin/sh
# etc-two-gateways.sh: etc/haproxy.cfg, two gateways with etc/two-gateways.conf,
# and two of Postfix's smtp-sink: one gateway stops, the other one goes on; checks
# are not judged and not in the log.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"
for lib in haproxy postfix shipped; do
	# shellcheck source=/dev/null
	. "$top/tests/support/$lib.sh"
done
need swaks perl haproxy smtp-sink
if ! free_port 127.0.0.3 >/dev/null 2>&1; then
	not_run etc-two-gateways "127.0.0.3 is no address of this machine"
	finish
fi

must smtpsink_start
a_port=$smtpsink_port a_pid=$smtpsink_pid
must smtpsink_start

# both NUMBER: the monitor is denied as a client, so it must not be judged
both() {
	shipped two-gateways.conf 0.0.0.0:2525 127.0.0.1:@PORT1@ \
	    10.0.0.11 127.0.0.1 10.0.0.12 127.0.0.2 10.0.0.9 127.0.0.9 \
	    198.51.100.0/24 '127.0.0.66", "127.0.0.9' \
	    10.0.0.31:25 "127.0.0.1:$a_port" 10.0.0.32:25 "127.0.0.1:$smtpsink_port" \
	    /var/run/postern "$tmp/control$1"
	sed "s/^hostname = mx1/hostname = mx$1/" "$tmp/two-gateways.conf" \
	    >"$tmp/gateway$1.conf"
	mv "$tmp/gateway$1.conf" "$tmp/two-gateways.conf"
	shipped_gateway two-gateways
	cp "$gw_conf" "$tmp/gateway$1.conf"
}
must both 1
pid1=$gw_pid to1=$port1
mv "$gw_log" "$tmp/first.log"
must both 2
pid2=$gw_pid to2=$port1

shipped haproxy.cfg ':::25' '127.0.0.1:@FRONT1@' /dev/log "$tmp/devlog" \
    10.0.0.21:2525 "127.0.0.1:$to1" 10.0.0.22:2525 "127.0.0.1:$to2"
up() { haproxy_saw_smtp postern postern1 && haproxy_saw_smtp postern postern2; }
must haproxy_start up <<END
$(haproxy_socket)
$(cat "$tmp/haproxy.cfg")
END
ok "HAProxy's checks see SMTP at both"

# --- good mail --------------------------------------------------------------------

# through NAME: a message by HAProxy
through() {
	letter sender@example.net user@example.org >"$tmp/letter"
	swaks_to "$front1" --local-interface 127.0.0.3 --to user@example.org \
	    --data "@$tmp/letter"
	equal "$1: a message" "$swaks_code" 0
	arrives "$1: it arrives octet by octet" "$tmp/letter" smtpsink_newest
	matches "$1: the client is who came to HAProxy" "$(smtpsink_newest)" \
	    '^Received: from client\.example\.net \(\[127\.0\.0\.3\]\)'
	by="$by $(printf '%s\n' "$swaks_out" | sed -n 's/^<-  220 \(mx[12]\).*/\1/p')"
}
by=
for n in 1 2 3 4; do through "both gateways, $n"; done
equal "each gateway has had some" \
    "$(echo "$by" | tr ' ' '\n' | grep . | sort -u | tr '\n' ' ')" "mx1 mx2 "

# --- who is judged ----------------------------------------------------------------

swaks_to "$front1" --local-interface 127.0.0.66 --to user@example.org
matches "a network of the list is refused" "$swaks_out" '^<\*\* 554 5\.7\.1'
check "the log says by which filter and why" wait_until 5 grep -q \
    'client=127.0.0.66 proxy=127.0.0.1 .*filter=clients reason=.*not allowed' \
    "$tmp/first.log" "$gw_log"
swaks_to "$to1" --local-interface 127.0.0.9 --quit-after HELO
equal "a monitoring system of probe-from is not judged" "$swaks_code" 0
lacks "and no check is in the logs" "$(cat "$tmp/first.log" "$gw_log")" \
    'client=127\.0\.0\.(1|9) |haproxy\.example\.org'
swaks_to "$to1" --local-interface 127.0.0.2 --quit-after HELO
lacks "a proxy without a header gets no greeting" "$swaks_out" '^<'

# --- one of them stops -------------------------------------------------------------

stop "$a_pid"
through "a mail server less"
stop_well "$pid1"
# The checks have not noticed it yet; which gateway's turn it is, is not known.
for n in 1 2 3 4; do through "just after a stop, $n"; done
check "HAProxy knows that a gateway stopped" \
    wait_until 30 haproxy_is postern DOWN postern1
through "a gateway less"
stop "$haproxy_pid"
stop_well "$pid2"
finish

#!/bin/sh
# tls.sh: openssl s_client, swaks and HAProxy against STARTTLS and implicit
# TLS: versions, server names, resumption across workers, reload, client
# certificates, injected clear text, a big message, many idle sessions.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"
# shellcheck source=tests/support/haproxy.sh
. "$top/tests/support/haproxy.sh"
need openssl perl

# --- certificates ---------------------------------------------------------------

must cert ca 2
must cert one 2
must cert two 2
must cert newer 2
must cert client 2 ca
must cert stranger 2
cp "$tmp/one.crt" "$tmp/live.crt" && cp "$tmp/one.key" "$tmp/live.key"

mkdir -m 1777 "$tmp/mail"
port4=$(free_port) port5=$(free_port)
must gateway gw <<END
hostname = "gw.example.org"
workers  = 2
limits { message-size = 20M  connections = 1000 }
listen start { address = {"127.0.0.1:@PORT1@"}  starttls = plain }
listen direct { address = {"127.0.0.1:@PORT2@"}  tls = plain }
listen proxied { address = {"127.0.0.1:@PORT3@"}  proxy-from = {"127.0.0.1"}  starttls = plain  require-tls = true }
listen asked { address = {"127.0.0.1:$port4"}  starttls = optional }
listen known { address = {"127.0.0.1:$port5"}  tls = required  require-tls = true }
tls plain {
	certificate = {"$tmp/live.crt", "$tmp/two.crt"}
	key         = {"$tmp/live.key", "$tmp/two.key"}
}
tls optional {
	certificate = {"$tmp/live.crt"}  key = {"$tmp/live.key"}
	client-ca = "$tmp/ca.crt"  verify-client = optional
}
tls required {
	certificate = {"$tmp/live.crt"}  key = {"$tmp/live.key"}
	client-ca = "$tmp/ca.crt"  verify-client = required
}
backend store { protocol = maildir  path = "$tmp/mail/%u" }
route stored { rcpt-domain = {"example.org"}  backend = store }
END
start_port=$port1 direct_port=$port2 proxied_port=$port3

mail_of() { cat "$tmp/mail/$1/new/"* 2>&1; }

# --- versions, names --------------------------------------------------------------

for v in 1_2 1_3; do
	client "$start_port" -starttls smtp -tls$v
	matches "STARTTLS, TLS $v: a session" "$said" '^221 2\.0\.0'
	matches "STARTTLS, TLS $v: it is that version" "$said" \
	    "TLSv$(echo $v | tr _ .)"
	lacks "STARTTLS, TLS $v: it is not offered again" \
	    "$(printf '%s\n' "$said" | sed -n '/CONNECTED/,$p' |
	    grep '^250')" STARTTLS
	client "$direct_port" -tls$v
	matches "direct, TLS $v: greeting and a session" "$said" \
	    '^220 gw\.example\.org ESMTP'
	matches "direct, TLS $v: to its end" "$said" '^221 2\.0\.0'
done
client "$start_port" -starttls smtp -tls1_1 -cipher 'ALL:@SECLEVEL=0'
lacks "TLS 1.1 is refused" "$said" '^221 '
check "and the log says why" wait_until 5 grep -q \
    'TLS with 127.0.0.1 failed: .*protocol' "$gw_log"

for n in one two; do
	client "$direct_port" -servername "$n.example.org"
	matches "the certificate of $n.example.org" "$said" \
	    "subject=CN = $n.example.org"
done
client "$direct_port" -servername elsewhere.example.org
matches "another name gets the first certificate" "$said" \
    'subject=CN = one.example.org'
client "$direct_port" -noservername
matches "none gets it, too" "$said" 'subject=CN = one.example.org'

# --- resumption -------------------------------------------------------------------

# Two workers take turns as they like; of ten sessions some are with the other.
for v in 1_2 1_3; do
	client "$direct_port" -tls$v -sess_out "$tmp/session$v"
	resumed=0
	for _i in 1 2 3 4 5 6 7 8 9 10; do
		client "$direct_port" -tls$v -sess_in "$tmp/session$v"
		case $said in *Reused,*) resumed=$((resumed + 1)) ;; esac
	done
	equal "TLS $v: ten of ten sessions are resumed by whatever worker" \
	    $resumed 10
	client "$port5" -tls$v -sess_in "$tmp/session$v"
	lacks "TLS $v: none where a client certificate is required" "$said" \
	    '^2[0-9][0-9] '
done

# --- what is refused ----------------------------------------------------------------

SAY=R
export SAY
client "$direct_port" -crlf -tls1_2
unset SAY
matches "renegotiation is refused" "$said" 'no renegotiation|RENEGOTIATING'
lacks "and not done" "$(printf '%s\n' "$said" |
    sed -n '/RENEGOTIATING/,$p')" '^(verify return|depth=)'

# shellcheck disable=SC2016 # perl's variables
injected=$(perl -MIO::Socket::INET -e '
	my $s = IO::Socket::INET->new(PeerAddr => $ARGV[0]) or die;
	alarm 10;
	print scalar <$s>;
	print $s "EHLO client.example.net\r\n";
	do { $_ = <$s>; } while (/^250-/);
	print $s "STARTTLS\r\nMAIL FROM:<evil\@example.net>\r\n";
	print while <$s>;
	print "closed\n";' "127.0.0.1:$start_port" 2>&1 | tr -d '\r')
matches "clear text behind STARTTLS is refused" "$injected" '^554 5\.5\.0'
lacks "and no TLS begins" "$injected" '^220 2\.0\.0'
matches "and it is over" "$injected" '^closed$'

# --- client certificates ----------------------------------------------------------------

client "$port5"
lacks "required: none is refused" "$said" '^2[0-9][0-9] '
client "$port5" -cert "$tmp/stranger.crt" -key "$tmp/stranger.key"
lacks "required: somebody else's is refused" "$said" '^2[0-9][0-9] '
client "$port5" -cert "$tmp/client.crt" -key "$tmp/client.key"
matches "required: ours is taken" "$said" '^221 '
for who in none stranger client; do
	set --
	[ $who = none ] || set -- -cert "$tmp/$who.crt" -key "$tmp/$who.key"
	client "$port4" -starttls smtp "$@"
	matches "optional: $who is taken" "$said" '^221 '
done

# --- mail ------------------------------------------------------------------------------

swaks_tests() {
	swaks_to "$start_port" --to starttls@example.org --tls
	equal "swaks --tls" "$swaks_code" 0
	mail=$(mail_of starttls)
	matches "Received says ESMTPS" "$mail" \
	    '^[[:blank:]]*by gw.example.org with ESMTPS id'
	matches "and version and cipher" "$mail" \
	    '^[[:blank:]]*\(TLSv1\.[23] [A-Z0-9_-]+\)'
	rec=$(record "$gw_log" "$(id_of "$swaks_out")")
	matches "and so does the record" "$rec" ' tls=TLSv1\.[23] cipher='
	swaks_to "$direct_port" --to direct@example.org --tlsc
	equal "swaks --tlsc" "$swaks_code" 0
	swaks_to "$port4" --to named@example.org --tls \
	    --tls-cert "$tmp/client.crt" --tls-key "$tmp/client.key"
	rec=$(record "$gw_log" "$(id_of "$swaks_out")")
	equal "the record names a verified client" "$(key subject "$rec")" \
	    /CN=client.example.org
	swaks_to "$port4" --to stranger@example.org --tls \
	    --tls-cert "$tmp/stranger.crt" --tls-key "$tmp/stranger.key"
	rec=$(record "$gw_log" "$(id_of "$swaks_out")")
	equal "and nobody else" "$(key result "$rec") $(key subject "$rec")" \
	    "accepted "

	# Ten megabytes that a mistake would be seen in.
	# shellcheck disable=SC2016 # perl's variables
	perl -e 'print "Subject: big\n\n"; my $x = 1;
		for (1 .. 150000) { $x = ($x * 1103515245 + 12345) % 2147483648;
			print "." x ($x % 3), $x, "-" x 55, "\n" }' >"$tmp/big"
	swaks_to "$start_port" --to big@example.org --tls --data "@$tmp/big"
	equal "10 MB over TLS" "$swaks_code" 0
	tr -d '\r' <"$tmp/big" >"$tmp/big.sent"
	sed -n '/^Subject: big/,$p' "$tmp/mail/big/new/"* | tr -d '\r' \
	    >"$tmp/big.came"
	# swaks puts an empty line behind it.
	check "is what was sent" cmp -n "$(wc -c <"$tmp/big.sent")" \
	    "$tmp/big.sent" "$tmp/big.came"
}
if have swaks && perl -MNet::SSLeay -e 1 2>/dev/null; then
	swaks_tests
else
	not_run "mail over TLS by swaks" \
	    "missing: swaks and perl's Net::SSLeay (libnet-ssleay-perl)"
fi

idle_tests() {
	# shellcheck disable=SC2016 # perl's variables
	run idle perl -MIO::Socket::INET -MNet::SSLeay -e '
		Net::SSLeay::initialize();
		my $ctx = Net::SSLeay::CTX_new();
		my (@s, @t);
		$| = 1;
		for (1 .. 200) {
			my $s = IO::Socket::INET->new(PeerAddr => $ARGV[0])
			    or die "connect: $!";
			my $t = Net::SSLeay::new($ctx);
			Net::SSLeay::set_fd($t, fileno($s));
			Net::SSLeay::connect($t) == 1 or die "TLS";
			Net::SSLeay::read($t) =~ /^220 / or die "greeting";
			push @s, $s;
			push @t, $t;
		}
		print "idle\n";
		1 until -e $ARGV[1] or !sleep 1;
		for (@t) {
			Net::SSLeay::write($_, "NOOP\r\n");
			Net::SSLeay::read($_) =~ /^250 / or die "NOOP";
		}
		print "all there\n";' "127.0.0.1:$direct_port" "$tmp/go"
	idle_pid=$pid
	check "200 idle sessions" wait_until 30 grep -q '^idle' "$tmp/idle.log"
	gen -n 200 -c 20 "127.0.0.1:$start_port"
	equal "200 messages beside them" "$(field ok "$gen_out")" 200
	: >"$tmp/go"
	check "the idle ones are still served" wait_until 30 \
	    grep -q '^all there' "$tmp/idle.log"
	wait_until 5 gone_or_zombie "$idle_pid"
}
if perl -MNet::SSLeay -e 1 2>/dev/null; then
	idle_tests
else
	not_run "200 idle TLS sessions" "missing: perl's Net::SSLeay"
fi

# --- HAProxy does TLS ----------------------------------------------------------------------

# shellcheck disable=SC2016 # perl's variables
greets_through() {
	perl -MIO::Socket::INET -e 'alarm 5;
		my $s = IO::Socket::INET->new(PeerAddr => $ARGV[0]) or exit 1;
		exit !(<$s> =~ /^220 /)' "127.0.0.1:$1"
}
clear_greets() { greets_through "$front2"; }
haproxy_tests() {
	cat "$tmp/one.crt" "$tmp/one.key" >"$tmp/one.pem"
	must haproxy_start clear_greets <<-END
	$(haproxy_common)
	frontend secure
	    bind 127.0.0.1:@FRONT1@ ssl crt $tmp/one.pem ca-file $tmp/ca.crt verify optional
	    default_backend gw
	frontend clear
	    bind 127.0.0.1:@FRONT2@
	    default_backend gw
	backend gw
	    server gw 127.0.0.1:$proxied_port send-proxy-v2-ssl-cn proxy-v2-options ssl-cipher
	END
	tls_port=$front1 clear_port=$front2
	client "$tls_port"
	matches "HAProxy: a session" "$said" '^221 '
	lacks "HAProxy: STARTTLS is not offered behind its TLS" \
	    "$(printf '%s\n' "$said" | grep '^250')" STARTTLS
	have swaks && perl -MNet::SSLeay -e 1 2>/dev/null || {
		not_run "HAProxy: mail" "missing: swaks and Net::SSLeay"
		return
	}
	swaks_to "$tls_port" --to proxied@example.org --tlsc \
	    --tls-cert "$tmp/client.crt" --tls-key "$tmp/client.key"
	equal "HAProxy: a message" "$swaks_code" 0
	mail=$(mail_of proxied)
	matches "HAProxy: Received says ESMTPS" "$mail" 'with ESMTPS id'
	matches "HAProxy: and its cipher" "$mail" \
	    '^[[:blank:]]*\(TLSv1\.[23] [A-Z0-9_-]+ at the proxy\)'
	rec=$(record "$gw_log" "$(id_of "$swaks_out")")
	matches "HAProxy: the record names the client's certificate" \
	    "$(key subject "$rec")" 'client\.example\.org'
	swaks_to "$clear_port" --to clear@example.org
	matches "HAProxy: what came to it in clear is no TLS: 530" \
	    "$swaks_out" '^<\*\* 530 5\.7\.0'
	stop "$haproxy_pid"
}
if have haproxy; then
	haproxy_tests
else
	not_run "HAProxy in front" "missing: haproxy"
fi

# --- reload -----------------------------------------------------------------------------------

served_by() {
	client "$direct_port" -noservername
	printf '%s\n' "$said" | grep -q "subject=CN = $1.example.org"
}
cp "$tmp/newer.crt" "$tmp/live.crt" && cp "$tmp/newer.key" "$tmp/live.key"
check "a certificate that was replaced is not used yet" served_by one
kill -HUP "$gw_pid"
check "HUP: the new certificate" wait_until 3 served_by newer
cp "$tmp/one.key" "$tmp/live.key"
kill -HUP "$gw_pid"
check "HUP with a wrong key: an error that says so" wait_until 10 grep -q \
    'level=error.*live.key does not belong to certificate' "$gw_log"
check "HUP with a wrong key: nothing changed" served_by newer

stop "$gw_pid"
equal "posternd ends well" "$code" 0
finish

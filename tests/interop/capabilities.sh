#!/bin/sh
# capabilities.sh: what EHLO offers follows from active checks alone, before any
# message: servers that come, learn and forget extensions; promises to sessions that
# are older than that; REQUIRETLS over a link whose certificate is verified (smtpsink
# behind a private HAProxy that does TLS).

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"
# shellcheck source=tests/support/haproxy.sh
. "$top/tests/support/haproxy.sh"
need perl
perl -MNet::SSLeay -e 1 2>/dev/null || { not_run capabilities "no Net::SSLeay"; finish; }
need haproxy openssl

must cert gw 2
must cert mail 2
must cert other 2
for n in mail other; do cat "$tmp/$n.crt" "$tmp/$n.key" >"$tmp/$n.pem"; done

plain_port=$(free_port)
must sink secure -v --keyword REQUIRETLS
secure_port=$sink_port secure_log=$sink_log secure_pid=$sink_pid

# tls_server CERTIFICATE: in front of it, at $front1
tls_server() {
	haproxy_start listens_on "$1" <<-END
	$(haproxy_common)
	frontend smtps
	    bind 127.0.0.1:${front:-@FRONT1@} ssl crt $tmp/$1.pem
	    default_backend sink
	backend sink
	    server one 127.0.0.1:$secure_port
	END
	front=${front:-$front1}
}
listens_on() {
	openssl s_client -connect "127.0.0.1:${front:-$front1}" </dev/null 2>&1 |
	    grep -q "CN *= *$1.example.org"
}
must tls_server mail

check='check { interval = 200ms  timeout = 2s  fall = 1  rise = 1 }'
must gateway gw <<END
hostname = "gw.example.org"
workers  = 2
tls own { certificate = {"$tmp/gw.crt"}  key = {"$tmp/gw.key"} }
listen plain  { address = {"127.0.0.1:@PORT1@"} }
listen secure { address = {"127.0.0.1:@PORT2@"}  tls = own }
listen loose  { address = {"127.0.0.1:@PORT3@"}  tls = own }
backend plain {
	protocol = smtp
	server a { address = "127.0.0.1:$plain_port" }
	$check
}
backend secure {
	protocol = smtp
	server a { address = "127.0.0.1:$front" }
	tls { mode = implicit  ca = "$tmp/mail.crt"  name = mail.example.org }
	$check
}
backend loose {
	protocol = smtp
	server a { address = "127.0.0.1:$front" }
	tls { mode = implicit  verify = no }
	$check
}
route plain  { listener = {"plain"}   rcpt-domain = {"example.org"}  backend = plain }
route secure { listener = {"secure"}  rcpt-domain = {"example.org"}  backend = secure }
route loose  { listener = {"loose"}   rcpt-domain = {"example.org"}  backend = loose }
END
plain=$port1 secure=$port2 loose=$port3

# PORT NAME TLS [wait] COMMAND...: a session that says EHLO, waits for NAME.go if it
# is to, and sends the commands; what it hears goes to NAME.out.
cat >"$tmp/session.pl" <<'END'
	use strict; use warnings; use wire;
	my ($port, $name, $tls, @lines) = @ARGV;
	open my $out, '>', "$name.new" or die; $out->autoflush(1);
	my $c = wire->to("127.0.0.1:$port");
	$c->start_tls if $tls;
	print $out $c->hello;
	if (@lines && $lines[0] eq 'wait') {
		shift @lines;
		open my $held, '>', "$name.held" or die;
		select undef, undef, undef, 0.05 until -e "$name.go";
	}
	for my $l (@lines) {
		$l =~ s/\|/\r\n/g;
		$c->put("$l\r\n");
		print $out $c->reply // "closed\n";
	}
	close $out;
	rename "$name.new", "$name.out";
END
session() { # PORT NAME COMMAND...: TLS unless it is $plain; the replies in $heard
	_port=$1 _name=$tmp/$2
	shift 2
	_tls=1
	[ "$_port" != "$plain" ] || _tls=0
	rm -f "$_name.out"
	wire "$tmp/session.pl" "$_port" "$_name" "$_tls" "$@" >/dev/null 2>&1
	heard=$(tr -d '\r' <"$_name.out")
}
held() { # PORT NAME COMMAND...: waits behind EHLO, until go NAME
	_held=$2
	(_port=$1 && shift 2 && session "$_port" "$_held" wait "$@") &
	held_pid=$!
	wait_until 10 test -e "$tmp/$_held.held"
}
go() {
	: >"$tmp/$1.go"
	wait "$held_pid"
	heard=$(tr -d '\r' <"$tmp/$1.out")
}
offers() { # PORT KEYWORD
	session "$1" ask QUIT
	printf '%s\n' "$heard" | grep -q "^250[- ]$2\$"
}
offers_not() { ! offers "$@"; }
serve_plain() { # ARGS: another server at the same place
	[ -z "${plain_pid:-}" ] || stop "$plain_pid"
	must sink plain -v "$@" "127.0.0.1:$plain_port"
	plain_pid=$sink_pid
}
messages() { # PID LOG: that a sink has
	sink_now "$1" "$2"
	field messages "$sink_out"
}
last() { record "$gw_log" "$(grep -o 'event=mail id=[^ ]*' "$gw_log" |
    tail -n 1 | sed 's/.*id=//')"; }

content='From: <a@example.net>|Subject: x||hello|.'
mail_utf8="MAIL FROM:<a@example.net> SMTPUTF8 BODY=8BITMIME"
rcpt="RCPT TO:<b@example.org>"

# --- learnt by checks -----------------------------------------------------------------

session "$plain" ask QUIT
lacks "nobody is there: nothing is offered that depends on a server" "$heard" \
    8BITMIME
serve_plain --keyword SMTPUTF8 --keyword DSN --keyword "LIMITS RCPTMAX=2" \
    --max-size 1004096
check "a server comes: the next EHLO offers what it has" \
    wait_until 20 offers "$plain" SMTPUTF8
session "$plain" ask QUIT
for k in 8BITMIME DSN "LIMITS RCPTMAX=2" "SIZE 1000000"; do
	matches "$k too" "$heard" "^250[- ]$k\$"
done
lacks "BINARYMIME it has not" "$heard" BINARYMIME
lacks "all that without a message" "$(cat "$gw_log")" event=mail
session "$plain" three "MAIL FROM:<a@example.net>" "$rcpt" \
    "RCPT TO:<c@example.org>" "RCPT TO:<d@example.org>" QUIT
matches "and a third recipient is for the next transaction" "$heard" \
    '^452 4\.5\.3 '

held "$plain" old "$mail_utf8" "$rcpt" DATA "$content" \
    "MAIL FROM:<a@example.net>" "$rcpt" DATA "$content" QUIT
serve_plain --no-8bitmime --max-size 2004096
check "it comes back with less: the next EHLO offers less" \
    wait_until 20 offers "$plain" "SIZE 2000000"
session "$plain" ask QUIT
lacks "not SMTPUTF8" "$heard" SMTPUTF8
lacks "nor DSN" "$heard" DSN
session "$plain" new "$mail_utf8" QUIT
matches "who hears that is held to it" "$heard" '^555 5\.5\.4 '
go old
matches "who was promised more: taken at MAIL" "$heard" '^250 2\.1\.0 '
matches "and answered 4xx at the end" "$heard" '^451 4\.3\.3 '
matches "a message without it goes" "$heard" '^250 2\.0\.0 '
equal "and nothing else" "$(messages "$plain_pid" "$tmp/plain.log")" 1
matches "the log says what was missing" "$(grep result=deferred "$gw_log")" \
    'error="server a lacks 8BITMIME SMTPUTF8"'

serve_plain --keyword SMTPUTF8
check "it has learnt again" wait_until 20 offers "$plain" SMTPUTF8
session "$plain" again "$mail_utf8" "$rcpt" DATA "$content" QUIT
matches "and the message goes" "$heard" '^250 2\.0\.0 '
matches "as what it is" "$(cat "$tmp/plain.log")" \
    'MAIL FROM:<a@example.net>.* SMTPUTF8'
stop "$plain_pid"
check "it is gone, and with it what it offered" \
    wait_until 20 offers_not "$plain" 8BITMIME

# --- REQUIRETLS ------------------------------------------------------------------------

mail_tls="MAIL FROM:<a@example.net> REQUIRETLS"
check "a check over verified TLS: REQUIRETLS is offered under TLS" \
    wait_until 20 offers "$secure" REQUIRETLS
session "$secure" tls "$mail_tls" "$rcpt" DATA "$content" QUIT
matches "and a message that requires it goes" "$heard" '^250 2\.0\.0 '
equal "over a link that is verified" "$(key link_tls "$(last)")" verified
matches "and requires it there, too" "$(cat "$secure_log")" \
    'MAIL FROM:<a@example.net>.* REQUIRETLS'

check "the certificate is not looked at: 8BITMIME is offered" \
    wait_until 20 offers "$loose" 8BITMIME
session "$loose" ask QUIT
lacks "but REQUIRETLS is not" "$heard" REQUIRETLS
session "$loose" loose "$mail_tls" "MAIL FROM:<a@example.net>" "$rcpt" DATA \
    "$content" QUIT
matches "who wants it hears why not" "$heard" '^550 5\.7\.30 '
matches "other mail goes" "$heard" '^250 2\.0\.0 '
equal "over a link that is not verified" "$(key link_tls "$(last)")" unverified

before=$(messages "$secure_pid" "$secure_log")
held "$secure" promised "$mail_tls" "$rcpt" DATA "$content" QUIT
stop "$haproxy_pid"
must tls_server other
check "another certificate that nobody has signed: no REQUIRETLS" \
    wait_until 20 offers_not "$secure" REQUIRETLS
go promised
matches "who was promised it hears 4xx" "$heard" '^451 4\.'
lacks "and no 5xx" "$(printf '%s\n' "$heard" | cut -c 1-4)" "550 "
equal "the server has nothing of that" \
    "$(messages "$secure_pid" "$secure_log")" "$before"
session "$secure" late "$mail_tls" QUIT
matches "and the next one 550 at MAIL" "$heard" '^550 5\.7\.30 '

stop "$gw_pid"
equal "posternd ends well" "$code" 0
finish

#!/bin/sh
# tls-hostile.sh: clients that do with TLS what they should not, and policies
# that some of them do not meet: clear text around STARTTLS, ends without a
# close, half handshakes; versions, ciphers and groups; names and resumption
# behind STARTTLS.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"
need openssl perl

must cert ca 2
must cert one 2
must cert two 2
must cert client 2 ca
mkdir -m 1777 "$tmp/mail"
port4=$(free_port)
must gateway gw <<END
hostname = "gw.example.org"
workers  = 2
log { level = debug }
listen start { address = {"127.0.0.1:@PORT1@"}  starttls = both  auth = people  auth-plaintext = yes }
listen narrow { address = {"127.0.0.1:@PORT2@"}  starttls = narrow }
listen new { address = {"127.0.0.1:@PORT3@"}  tls = new }
listen known { address = {"127.0.0.1:$port4"}  starttls = known  require-tls = true }
tls both {
	certificate = {"$tmp/one.crt", "$tmp/two.crt"}
	key         = {"$tmp/one.key", "$tmp/two.key"}
}
tls narrow {
	certificate  = {"$tmp/one.crt"}  key = {"$tmp/one.key"}
	ciphers      = "ECDHE-RSA-AES128-GCM-SHA256"
	ciphersuites = "TLS_AES_128_GCM_SHA256"
	curves       = "P-256:P-384"
}
tls new {
	certificate = {"$tmp/one.crt"}  key = {"$tmp/one.key"}
	min-version = "1.3"
}
tls known {
	certificate = {"$tmp/one.crt"}  key = {"$tmp/one.key"}
	client-ca = "$tmp/ca.crt"  verify-client = required
}
auth-file people { users = {"alice:\$2b\$04\$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW"} }
backend store { protocol = maildir  path = "$tmp/mail/%u" }
route stored { rcpt-domain = {"example.org"}  backend = store }
END
start_port=$port1 narrow_port=$port2 new_port=$port3 known_port=$port4

# --- versions, ciphers, groups ---------------------------------------------------

# taken NAME, refused NAME: by what client() has heard
taken() { matches "$1" "$said" '^221 2\.0\.0'; }
refused() { lacks "$1" "$said" '^221 '; }

for v in tls1 tls1_1; do
	openssl s_client -help 2>&1 | grep -q -e "-$v " || {
		not_run "-$v is refused" "this openssl does not speak it"
		continue
	}
	client "$start_port" -starttls smtp -$v -cipher 'ALL:@SECLEVEL=0'
	refused "-$v is refused"
done
client "$new_port" -tls1_3
taken "min-version 1.3: 1.3"
client "$new_port" -tls1_2
refused "min-version 1.3: 1.2 is refused"

client "$narrow_port" -starttls smtp -tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256
taken "ciphers: the one that is allowed"
for c in ECDHE-RSA-AES256-GCM-SHA384 ECDHE-RSA-CHACHA20-POLY1305 \
    AES128-SHA aNULL eNULL; do
	client "$narrow_port" -starttls smtp -tls1_2 -cipher "$c:@SECLEVEL=0"
	refused "ciphers: $c is refused"
done
for c in AES128-SHA aNULL eNULL; do
	client "$start_port" -starttls smtp -tls1_2 -cipher "$c:@SECLEVEL=0"
	[ $c = AES128-SHA ] || refused "by default: $c is refused"
done
client "$narrow_port" -starttls smtp -tls1_3 -ciphersuites TLS_AES_128_GCM_SHA256
taken "ciphersuites: the one that is allowed"
client "$narrow_port" -starttls smtp -tls1_3 -ciphersuites TLS_AES_256_GCM_SHA384
refused "ciphersuites: another one is refused"
for g in P-256 P-384; do
	client "$narrow_port" -starttls smtp -groups $g
	taken "curves: $g"
done
client "$narrow_port" -starttls smtp -groups X25519
refused "curves: X25519 is refused"

# --- names, resumption, client certificates behind STARTTLS ----------------------------

for n in one two; do
	client "$start_port" -starttls smtp -servername "$n.example.org"
	matches "STARTTLS: the certificate of $n.example.org" "$said" \
	    "subject=CN = $n.example.org"
	check "STARTTLS: and the log has that name" wait_until 5 \
	    grep -q "event=session .*sni=$n.example.org" "$gw_log"
done
# Two workers take turns as they like.
for v in 1_2 1_3; do
	client "$start_port" -starttls smtp -tls$v -sess_out "$tmp/session$v"
	resumed=0
	for _i in 1 2 3 4 5 6 7 8 9 10; do
		client "$start_port" -starttls smtp -tls$v \
		    -sess_in "$tmp/session$v"
		case $said in *Reused,*) resumed=$((resumed + 1)) ;; esac
	done
	equal "STARTTLS, TLS $v: ten of ten sessions are resumed by whatever worker" \
	    $resumed 10
	client "$known_port" -starttls smtp -tls$v -sess_in "$tmp/session$v"
	refused "STARTTLS, TLS $v: none where a client certificate is required"
done
client "$known_port" -starttls smtp
refused "STARTTLS, certificate required: none is refused"
client "$known_port" -starttls smtp -cert "$tmp/one.crt" -key "$tmp/one.key"
refused "STARTTLS, certificate required: somebody else's is refused"
client "$known_port" -starttls smtp -cert "$tmp/client.crt" \
    -key "$tmp/client.key"
taken "STARTTLS, certificate required: ours is taken"
SAY='STARTTLS'
export SAY
client "$start_port" -starttls smtp
unset SAY
matches "STARTTLS under TLS: 503" "$said" '^503 5\.5\.1'
taken "and the session goes on"

# --- clear text around STARTTLS -----------------------------------------------------------

cat >"$tmp/clear.pl" <<'END'
use strict;
use wire;
my ($to) = @ARGV;
$| = 1;
$wire::timeout = 10;
sub codes { join ' ', $_[0] =~ /^(\d{3}) /mg }
sub try_ {
	my ($name, $way) = @_;
	my $got = eval { $way->(wire->to($to)) } // "died: $@";
	$got =~ s/\s+/ /g;
	print "$name: $got\n";
}
my $evil = "MAIL FROM:<evil\@example.net>\r\nRCPT TO:<evil\@example.org>\r\n";

try_('in the same write', sub {
	my ($c) = @_;
	$c->hello;
	$c->put("STARTTLS\r\n$evil");
	return codes($c->rest);
});
try_('half a command in the same write', sub {
	my ($c) = @_;
	$c->hello;
	$c->put("STARTTLS\r\nMA");
	return codes($c->rest);
});
try_('one octet in the same write', sub {
	my ($c) = @_;
	$c->hello;
	$c->put("STARTTLS\r\n\n");
	return codes($c->rest);
});
try_('STARTTLS twice in the same write', sub {
	my ($c) = @_;
	$c->hello;
	$c->put("STARTTLS\r\nSTARTTLS\r\n");
	return codes($c->rest);
});
# At every split, the rest at once behind it: whether it is in postern's buffer
# or still in the kernel's, none of it is a command.
try_('at every split', sub {
	my ($first) = @_;
	my $all = "STARTTLS\r\n$evil";
	my %seen;
	for my $at (1 .. length($all) - 1) {
		my $c = $at == 1 ? $first : wire->to($to);
		$c->hello;
		$c->put(substr($all, 0, $at), substr($all, $at));
		$seen{codes($c->rest)}++;
	}
	return join ', ', sort keys %seen;
});
try_('behind the reply', sub {
	my ($c) = @_;
	$c->hello;
	$c->ask('STARTTLS', 220);
	$c->put($evil);
	return codes($c->rest);
});
try_('in front, in the same write as the envelope', sub {
	my ($c) = @_;
	$c->hello;
	$c->put("${evil}STARTTLS\r\nRSET\r\nSTARTTLS\r\n");
	# In a transaction it is refused; behind it, all is forgotten: name,
	# sender and recipient.
	my $all = join '', map { $c->reply } 1 .. 5;
	$c->start_tls;
	for my $l ('DATA', 'MAIL FROM:<a@example.net>') {
		$c->put("$l\r\n");
		$all .= $c->reply;
	}
	$c->ask('EHLO client.example.net', 250);
	$c->put("RCPT TO:<evil\@example.org>\r\n");
	$all .= $c->reply;
	$c->put("QUIT\r\n");
	$all .= $c->reply;
	return codes($all);
});
try_('a login in clear', sub {
	my ($c) = @_;
	my $alice = 'AUTH PLAIN AGFsaWNlAHNlY3JldA==';
	$c->hello;
	$c->ask($alice, 235);
	my $all = $c->ask('STARTTLS', 220);
	$c->start_tls;
	$c->ask('EHLO client.example.net', 250);
	# It is not "authenticated already".
	$all .= $c->ask($alice, 235);
	return codes($all);
});
try_('a handshake with garbage', sub {
	my ($c) = @_;
	$c->hello;
	$c->ask('STARTTLS', 220);
	$c->put("\x16\x03\x01" . "\xff" x 3000);
	return codes($c->rest);
});

sub message {
	my ($c, $who) = @_;
	$c->ask('EHLO client.example.net', 250);
	$c->ask('MAIL FROM:<a@example.net>', 250);
	$c->ask("RCPT TO:<$who\@example.org>", 250);
	$c->ask('DATA', 354);
	$c->put("Subject: dirty\r\n\r\nx\r\n.\r\n");
	return $c->want(250, 'the message');
}
# No close_notify, and not even an orderly end of TCP.
for my $how ('end', 'reset', 'half a record') {
	try_("without a close, $how", sub {
		my ($c) = @_;
		$c->hello;
		$c->ask('STARTTLS', 220);
		$c->start_tls;
		message($c, 'dirty');
		$c->put("NOOP\r\n");
		$c->want(250, 'NOOP');
		syswrite $c->{s}, "\x17\x03\x03\x00\xffhalf" if $how =~ /half/;
		setsockopt($c->{s}, SOL_SOCKET, SO_LINGER, pack('II', 1, 0))
		    if $how eq 'reset';
		close $c->{s};
		return 'closed';
	});
}
# A message that is not complete when TLS ends is none.
try_('a message that is cut off', sub {
	my ($c) = @_;
	$c->hello;
	$c->ask('STARTTLS', 220);
	$c->start_tls;
	$c->ask('EHLO client.example.net', 250);
	$c->ask('MAIL FROM:<a@example.net>', 250);
	$c->ask('RCPT TO:<cut@example.org>', 250);
	$c->ask('DATA', 354);
	$c->put("Subject: cut\r\n\r\nx\r\n");
	# In clear, what would be its end.
	syswrite $c->{s}, ".\r\nQUIT\r\n";
	shutdown $c->{s}, 1;
	1 while sysread $c->{s}, my $x, 4096;
	return 'closed';
});
# An orderly end: close_notify is answered with one.
try_('close_notify', sub {
	my ($c) = @_;
	$c->hello;
	$c->ask('STARTTLS', 220);
	$c->start_tls;
	$c->ask('EHLO client.example.net', 250);
	Net::SSLeay::shutdown($c->{tls});
	return 'closed';
});
# Half a handshake, and away.
try_('half a handshake', sub {
	my ($c) = @_;
	$c->hello;
	$c->ask('STARTTLS', 220);
	$c->put("\x16\x03\x01\x02\x00\x01");
	close $c->{s};
	return 'closed';
});
END

if perl -MNet::SSLeay -e 1 2>/dev/null; then
	before=$(grep -c . "$gw_log")
	out=$(wire -MSocket "$tmp/clear.pl" "127.0.0.1:$start_port" 2>&1)
	heard() { printf '%s\n' "$out" | sed -n "s/^$1: //p"; }
	for n in 'in the same write' 'half a command in the same write' \
	    'one octet in the same write' 'STARTTLS twice in the same write'; do
		equal "clear text behind STARTTLS, $n: 554, and the end" \
		    "$(heard "$n")" 554
	done
	matches "clear text behind STARTTLS, at every split: 554, or no handshake" \
	    "$(heard 'at every split')" '^(220, 554|554|220)$'
	for n in 'behind the reply' 'a handshake with garbage'; do
		equal "$n: no word but the end" "$(heard "$n")" ""
	done
	equal "what was said in front of STARTTLS is forgotten" \
	    "$(heard 'in front, in the same write as the envelope')" \
	    "250 250 503 250 220 503 503 503 221"
	equal "and so is a login" "$(heard 'a login in clear')" "220 235"
	for n in 'without a close, end' 'without a close, reset' \
	    'without a close, half a record' 'a message that is cut off' \
	    close_notify 'half a handshake'; do
		equal "$n: it came that far" "$(heard "$n")" closed
	done
	lacks "nothing that was injected is delivered" "$(ls "$tmp/mail")" \
	    'evil|cut'
	equal "an end without a close harms no message before" \
	    "$(find "$tmp/mail/dirty/new" -type f | awk 'END { print NR }')" 3
	after=$(sed -n "$((before + 1)),\$p" "$gw_log")
	matches "garbage is in the log" "$after" \
	    'level=info.*TLS with 127.0.0.1 failed'
	lacks "no client makes a warning or an error" "$after" \
	    'level=(warn|error)'
	# (the message that was cut off was a transaction, too)
	equal "an end without a close is an end as any other" \
	    "$(printf '%s\n' "$after" | grep 'event=session' |
		grep -Ec 'tls=TLS.*end=client-(gone|lost).*transactions=1')" 4
else
	not_run "clear text around STARTTLS, ends without a close" \
	    "missing: perl's Net::SSLeay (libnet-ssleay-perl)"
fi

stop "$gw_pid"
equal "posternd ends well" "$code" 0
finish

#!/bin/sh
# dns-filters.sh: rdns, helo and sender-dns against a real unbound with zones of
# a bad Internet: lies, silence, SERVFAIL, truncation.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"
# shellcheck source=tests/support/unbound.sh
. "$top/tests/support/unbound.sh"
need perl
need_unbound

# fails.test and 203.0.113.* are asked of the server itself, again and again.
unbound_start <<END
	local-zone: "2.0.192.in-addr.arpa." static
	local-data: "1.2.0.192.in-addr.arpa. PTR mail.good.test."
	local-data: "2.2.0.192.in-addr.arpa. PTR mail.good.test."
	local-data: "3.2.0.192.in-addr.arpa. PTR slow.silent.test."
	local-data: "5.2.0.192.in-addr.arpa. PTR relay.good.test."
$(i=1
while [ $i -le 40 ]; do
	name=a-name-that-is-rather-long-so-that-all-of-them-are-too-much-$i.big.test.
	echo "	local-data: '4.2.0.192.in-addr.arpa. PTR $name'"
	echo "	local-data: '$name A 192.0.2.4'"
	i=$((i + 1))
done)
	local-zone: "100.51.198.in-addr.arpa." deny
	local-zone: "113.0.203.in-addr.arpa." transparent
	local-zone: "8.b.d.0.1.0.0.2.ip6.arpa." static
	local-data: "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR six.good.test."
	local-zone: "good.test." static
	local-data: "good.test. MX 10 mail.good.test."
	local-data: "mail.good.test. A 192.0.2.1"
	local-data: "mail.good.test. AAAA 2001:db8::2"
	local-data: "relay.good.test. A 192.0.2.5"
	local-data: "six.good.test. AAAA 2001:db8::1"
	local-data: "null.good.test. MX 0 ."
	local-data: "alias.good.test. CNAME good.test."
	local-data: "lan.good.test. MX 10 nas.good.test."
	local-data: "nas.good.test. A 10.0.0.1"
	local-data: "half.good.test. MX 10 x.silent.test."
	local-data: "half.good.test. MX 20 mail.good.test."
	local-data: "loop.good.test. CNAME pool.good.test."
	local-data: "pool.good.test. CNAME loop.good.test."
	local-data: "number.good.test. MX 10 192.0.2.1."
	local-data: "dead.good.test. MX 10 nowhere.good.test."
	local-data: "quiet.good.test. MX 10 x.silent.test."
	local-data: "detour.good.test. MX 10 byway.good.test."
	local-data: "byway.good.test. CNAME mail.good.test."
	local-data: "6.2.0.192.in-addr.arpa. PTR a\\032b\\010c.good.test."
$(i=1
while [ $i -le 60 ]; do
	echo "	local-data: 'many.good.test. MX $i exchanger-with-a-rather-long-name-$i.good.test.'"
	i=$((i + 1))
done)
	local-data: "exchanger-with-a-rather-long-name-1.good.test. A 192.0.2.1"
	local-zone: "big.test." static
	local-zone: "silent.test." deny
	local-zone: "refused.test." refuse
	local-zone: "fails.test." transparent
stub-zone:
	name: "fails.test."
	stub-addr: 127.0.0.1@$dns_port
stub-zone:
	name: "113.0.203.in-addr.arpa."
	stub-addr: 127.0.0.1@$dns_port
END

mkdir -m 1777 "$tmp/mail"
must gateway gw <<END
hostname = "gw.example.org"
workers  = 1
resolver { servers = {"127.0.0.1:$dns_port"}  timeout = 4s  retry = 1s }
listen mx {
	address    = {"127.0.0.1:@PORT1@"}
	proxy-from = {"127.0.0.1"}
	filters    = {names, greeting, sender}
}
listen plain {
	address    = {"127.0.0.1:@PORT2@"}
	proxy-from = {"127.0.0.1"}
	filters    = {exists}
}
helo exists { deny = {unresolvable} }
rdns names { deny = {none, mismatch}  except = {"10.0.0.0/8"} }
helo greeting {
	deny    = {unresolvable, rdns-mismatch}
	trusted = {"10.0.0.0/8 inside"}
}
sender-dns sender { trusted = {"inside.test"} }
backend store { protocol = maildir  path = "$tmp/mail/%u" }
route all { rcpt-domain = {"example.org"}  backend = store }
END

# talk CLIENT LINE...: a session of this client at $at; the replies in $said
at=$port1
talk() {
	said=$(wire -Mwire -e '
		my ($port, $client, @lines) = @ARGV;
		my $kind = $client =~ /:/ ? "TCP6" : "TCP4";
		my $to = $client =~ /:/ ? "2001:db8::25" : "192.0.2.254";
		my $c = wire->to("127.0.0.1:$port");
		$c->put("PROXY $kind $client $to 4000 25\r\n");
		print $c->reply // "closed\n";
		for (@lines) {
			$c->put("$_\r\n");
			print $c->reply // "closed\n";
		}' "$at" "$@" 2>&1 | tr -d '\r')
}
# says NAME CLIENT ERE LINE...: the last reply
says() {
	_says=$1 _client=$2 _ere=$3
	shift 3
	talk "$_client" "$@"
	matches "$_says" "$(echo "$said" | tail -n 1)" "^$_ere"
}
mail_from() { # NAME DOMAIN ERE
	says "$1" 192.0.2.1 "$3" "HELO mail.good.test" "MAIL FROM:<a@$2>"
}

# --- names of clients -------------------------------------------------------------

says "a verified name" 192.0.2.1 "220 "
says "and one of IPv6" 2001:db8::1 "220 "
says "no name" 192.0.2.99 "554 5.7.25 your address has no name"
says "another's name" 192.0.2.2 "554 5.7.25 the name of your address"
says "forty names, over TCP" 192.0.2.4 "220 "
says "a name that is none" 192.0.2.6 "554 5.7.25 the name of your address"
says "SERVFAIL is not no" 203.0.113.7 "451 4.7.1"
says "silence is not no" 198.51.100.1 "451 4.7.1"
says "silence about the name, too" 192.0.2.3 "451 4.7.1"
log=$(cat "$gw_log")
matches "SERVFAIL is in the log" "$log" \
    'event=session .*client=203.0.113.7 .*reason="the client.s name: SERVFAIL"'
matches "silence is in the log" "$log" \
    'event=session .*client=198.51.100.1 .*reason="the client.s name: timed out"'

# --- HELO -------------------------------------------------------------------------

says "its own name" 192.0.2.1 "250 " "HELO Mail.good.test"
says "no such name" 192.0.2.1 "550 5.7.1 HELO: the name has no address" \
    "HELO nobody.good.test"
says "a name of somebody else" 192.0.2.1 "550 5.7.25" "HELO relay.good.test"
says "one that is not its name, whatever it is" 192.0.2.1 "550 5.7.25" \
    "HELO x.fails.test"
at=$port2
says "SERVFAIL" 192.0.2.1 "451 4.7.1" "HELO x.fails.test"
says "REFUSED" 192.0.2.1 "451 4.7.1" "HELO x.refused.test"
says "any name that exists" 192.0.2.1 "250 " "HELO relay.good.test"
at=$port1

# --- senders ----------------------------------------------------------------------

mail_from "MX" good.test "250 "
mail_from "by an alias" alias.good.test "250 "
mail_from "the domain's own address" mail.good.test "250 "
mail_from "a null MX" null.good.test "550 5.7.27"
mail_from "no such domain" nobody.good.test "550 5.1.8 nobody.good.test does not exist"
mail_from "a private exchanger" lan.good.test "550 5.1.8"
mail_from "one good exchanger is enough" half.good.test "250 "
mail_from "an exchanger that is an alias" detour.good.test "250 "
mail_from "an address instead of an exchanger" number.good.test "550 5.1.8"
mail_from "an exchanger that does not exist" dead.good.test "550 5.1.8"
mail_from "an exchanger of which nobody says anything" quiet.good.test "451 4.7.1"
mail_from "aliases in a circle" loop.good.test "451 4.7.1"
mail_from "sixty exchangers, over TCP" many.good.test "250 "
mail_from "SERVFAIL of a domain" x.fails.test "451 4.7.1"
mail_from "REFUSED of a domain" x.refused.test "451 4.7.1"

talk 192.0.2.1 "HELO mail.good.test" "MAIL FROM:<a@good.test>" \
    "RCPT TO:<u@example.org>" DATA "$(printf 'From: a@good.test\r\n.')" QUIT
matches "mail goes through" "$said" '^250 2.0.0 '
matches "the name is in Received" "$(cat "$tmp"/mail/u/new/*)" \
    '^Received: from mail.good.test \(mail.good.test \[192.0.2.1\]\)'
rec=$(record "$gw_log" "$(id_of "$(echo "$said" | grep '^250 2.0.0')")")
equal "and in the record, with what was found" \
    "$(key name "$rec") $(key rdns "$rec") $(key sender_dns "$rec")" \
    "mail.good.test verified mx"

# --- nobody waits for others ------------------------------------------------------

# Three wait for a DNS that is silent, at three steps; the fourth needs none.
said=$(wire -Mwire -MIO::Select -e '
	sub begin {
		my ($port, $client, @lines) = @_;
		my $c = wire->to("127.0.0.1:$port");
		$c->put("PROXY TCP4 $client 192.0.2.254 4000 25\r\n");
		for (@lines) {
			$c->reply;
			$c->put("$_\r\n");
		}
		return $c;
	}
	my ($mx, $plain) = @ARGV;
	my @waiting = (begin($mx, "198.51.100.9"),
	    begin($plain, "192.0.2.1", "HELO one.silent.test"),
	    begin($mx, "192.0.2.1", "HELO mail.good.test",
		"MAIL FROM:<a\@two.silent.test>"));
	my $c = begin($mx, "10.0.0.7", "HELO inside", "MAIL FROM:<a\@inside.test>",
	    "RCPT TO:<v\@example.org>", "DATA", "From: a\@inside.test\r\n\r\n.");
	print "fourth: ", $c->reply;
	for (@waiting) {
		my $here = $_->{in} ne "" ||
		    IO::Select->new($_->{s})->can_read(0);
		print $here ? "answered\n" : "waits\n";
	}
	print "then: ", $_->reply for @waiting;
	' "$port1" "$port2" 2>&1 | tr -d '\r')
matches "who needs no DNS is answered" "$said" '^fourth: 250 2.0.0 '
equal "while the others still wait" "$(echo "$said" | grep -c '^waits')" 3
equal "they hear that it is not their fault" \
    "$(echo "$said" | grep -c '^then: 451 4.7.1')" 3

stop "$gw_pid"
tcp=$(field tcp "$(grep 'event=resolver' "$gw_log")")
at_least "what was truncated was asked over TCP, both times" "${tcp:-0}" 2
finish

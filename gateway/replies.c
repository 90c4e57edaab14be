/*
 * The reply table: see replies.h.
 */

#include <assert.h>
#include <stddef.h>

#include "replies.h"

static const struct own_reply table[REPLY_COUNT] = {
	[REPLY_NONE] = { 451, "4.3.0", "internal error" },
	[REPLY_SAID] = { 451, "4.3.0", "internal error" },
	[REPLY_OK] = { 250, "2.0.0", "ok" },
	[REPLY_SENDER_OK] = { 250, "2.1.0", "sender ok" },
	[REPLY_RECIPIENT_OK] = { 250, "2.1.5", "recipient ok" },
	[REPLY_GO_AHEAD] = { 354, NULL, "end data with <CR><LF>.<CR><LF>" },
	[REPLY_START_TLS] = { 220, "2.0.0", "go ahead with TLS" },
	[REPLY_BYE] = { 221, "2.0.0", "bye" },
	[REPLY_VRFY] = { 252, "2.0.0",
	    "send the message, and delivery will be attempted" },
	[REPLY_HELP] = { 214, "2.0.0",
	    "HELO EHLO STARTTLS MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT" },
	[REPLY_ACCEPTED] = { 250, "2.0.0", "message accepted" },
	[REPLY_UNKNOWN_COMMAND] = { 500, "5.5.1", "unknown command" },
	[REPLY_NOT_IMPLEMENTED] = { 502, "5.5.1", "command not implemented" },
	[REPLY_LINE_TOO_LONG] = { 500, "5.5.6", "line too long" },
	[REPLY_LINE_CONTROL] = { 500, "5.5.2",
	    "control character in a command" },
	[REPLY_LINE_8BIT] = { 500, "5.5.2", "8-bit octet in a command" },
	[REPLY_LINE_BARE_LF] = { 500, "5.5.2", "lines must end in CR LF" },
	[REPLY_NO_ARGUMENT] = { 501, "5.5.4", "no argument allowed here" },
	[REPLY_BAD_HELO] = { 501, "5.5.4",
	    "HELO and EHLO want a domain or an address literal" },
	[REPLY_BAD_SENDER] = { 501, "5.1.7",
	    "syntax error: MAIL FROM:<address> [parameters]" },
	[REPLY_BAD_RECIPIENT] = { 501, "5.1.3",
	    "syntax error: RCPT TO:<address> [parameters]" },
	[REPLY_PATH_TOO_LONG] = { 501, "5.1.3", "address too long" },
	[REPLY_NEEDS_DOMAIN] = { 501, "5.1.3", "address without a domain" },
	[REPLY_BAD_PARAMETERS] = { 501, "5.5.4", "bad parameters" },
	[REPLY_UNKNOWN_PARAMETER] = { 555, "5.5.4", "unknown parameter" },
	[REPLY_BAD_BODY] = { 501, "5.5.4", "BODY is 7BIT or 8BITMIME" },
	[REPLY_BAD_SIZE] = { 501, "5.5.4", "SIZE is a number" },
	[REPLY_BAD_CHUNK] = { 501, "5.5.4", "syntax: BDAT octets [LAST]" },
	[REPLY_NOT_AFTER_BDAT] = { 503, "5.5.1", "no DATA behind BDAT" },
	[REPLY_NOT_AUTHORISED] = { 550, "5.7.0", "not authorised" },
	[REPLY_BAD_ATTRIBUTES] = { 501, "5.5.4", "bad attributes" },
	[REPLY_TLS_ALREADY] = { 503, "5.5.1", "TLS is active already" },
	[REPLY_TLS_INJECTED] = { 554, "5.5.0",
	    "commands behind STARTTLS in clear are not accepted" },
	[REPLY_TLS_FIRST] = { 530, "5.7.0", "mail is taken under TLS only" },
	[REPLY_HELO_FIRST] = { 503, "5.5.1", "say HELO or EHLO first" },
	[REPLY_MAIL_FIRST] = { 503, "5.5.1", "MAIL first" },
	[REPLY_RCPT_FIRST] = { 503, "5.5.1", "RCPT first" },
	[REPLY_NESTED_MAIL] = { 503, "5.5.1", "there is a sender already" },
	[REPLY_NO_VALID_RECIPIENT] = { 554, "5.5.1", "no valid recipients" },
	[REPLY_TOO_MANY_RECIPIENTS] = { 452, "4.5.3", "too many recipients" },
	[REPLY_OTHER_DESTINATION] = { 452, "4.5.3",
	    "this recipient needs a transaction of its own" },
	[REPLY_RELAYING_DENIED] = { 550, "5.7.1", "relaying denied" },
	[REPLY_LOCAL_PART_ROUTES] = { 550, "5.7.1",
	    "relaying denied: %, ! or @ in the local part" },
	[REPLY_TOO_BIG] = { 552, "5.3.4", "message too big" },
	[REPLY_TOO_MANY_FIELDS] = { 552, "5.3.4", "too many header fields" },
	[REPLY_HEADER_TOO_BIG] = { 552, "5.3.4", "message header too big" },
	[REPLY_TOO_MANY_HOPS] = { 554, "5.4.6", "too many hops" },
	[REPLY_BARE_NEWLINE] = { 550, "5.5.2",
	    "message has a bare CR, a bare LF or a NUL" },
	[REPLY_NO_STORAGE] = { 452, "4.3.1", "no room for the message" },
	[REPLY_LOCAL_ERROR] = { 451, "4.3.0", "local error" },
	[REPLY_TOO_SLOW] = { 451, "4.3.2", "checks took too long" },
	[REPLY_TIMEOUT] = { 421, "4.4.2", "timeout" },
	[REPLY_SHUTDOWN] = { 421, "4.3.2", "going down, please try again" },
	[REPLY_TOO_MANY_CONNECTIONS] = { 421, "4.3.2", "too many connections" },
	[REPLY_TOO_MANY_ERRORS] = { 421, "4.7.0", "too many errors" },
};

const struct own_reply *
reply_own(enum reply_id id)
{
	assert(id >= 0 && id < REPLY_COUNT && table[id].text != NULL);
	return &table[id];
}

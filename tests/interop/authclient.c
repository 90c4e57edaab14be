/*
 * authclient: an SMTP client that only authenticates, by SCRAM-SHA-256 (RFC
 * 7677; and checks that the server knows the password too), PLAIN or LOGIN;
 * many at once.
 *
 *	authclient [-n count] address port mechanism user password
 *
 * All connections are made, then all exchanges are begun, and only then is the
 * first answer awaited.  Prints how often each reply ended an exchange, as
 * "235 500"; exit code 0 if all ended with 235.
 */

#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HASH 32
#define TEXT 1024

struct client {
	FILE *in;
	int fd;
	char nonce[40];
	char first[200]; /* client-first-message-bare */
	unsigned char server_key[HASH];
	char auth_message[3 * TEXT];
	int code;
};

static const char *user, *password, *mechanism;

static void
die(const char *what)
{
	perror(what);
	exit(2);
}

static void
say(struct client *c, const char *line)
{
	char buf[2 * TEXT];
	int n = snprintf(buf, sizeof(buf), "%s\r\n", line);

	if (write(c->fd, buf, (size_t)n) != n)
		c->code = 0;
}

/* The last line of a reply in text; its code, 0 when the server is gone. */
static int
hear(struct client *c, char *text)
{
	do
		if (fgets(text, TEXT, c->in) == NULL)
			return 0;
	while (strlen(text) > 3 && text[3] == '-');
	text[strcspn(text, "\r\n")] = '\0';
	return (int)strtol(text, NULL, 10);
}

static void
encode(char *to, const void *from, size_t len)
{
	EVP_EncodeBlock((unsigned char *)to, from, (int)len);
}

static size_t
decode(unsigned char *to, const char *from)
{
	size_t len = strlen(from);
	int n = EVP_DecodeBlock(to, (const unsigned char *)from, (int)len);

	if (n < 0)
		return 0;
	while (len > 0 && from[--len] == '=')
		n--;
	to[n] = '\0';
	return (size_t)n;
}

static void
connect_to(struct client *c, const char *address, const char *port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };

	sin.sin_port = htons((uint16_t)strtol(port, NULL, 10));
	if (inet_pton(AF_INET, address, &sin.sin_addr) != 1)
		die(address);
	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (c->fd == -1 ||
	    connect(c->fd, (struct sockaddr *)&sin, sizeof(sin)) == -1)
		die("connect");
	c->in = fdopen(c->fd, "r");
}

static void
hmac(unsigned char *to, const void *key, size_t key_len, const char *text)
{
	HMAC(EVP_sha256(), key, (int)key_len, (const unsigned char *)text,
	    strlen(text), to, NULL);
}

static void
begin(struct client *c)
{
	char line[2 * TEXT], raw[TEXT];
	unsigned char random[18];
	int n;

	if (strcmp(mechanism, "LOGIN") == 0) {
		say(c, "AUTH LOGIN");
		return;
	}
	if (strcmp(mechanism, "PLAIN") == 0) {
		n = snprintf(
		    raw, sizeof(raw), "%c%s%c%s", 0, user, 0, password);
	} else {
		RAND_bytes(random, sizeof(random));
		encode(c->nonce, random, sizeof(random));
		snprintf(
		    c->first, sizeof(c->first), "n=%.80s,r=%s", user, c->nonce);
		n = snprintf(raw, sizeof(raw), "n,,%s", c->first);
	}
	n = n > 0 ? n : 0;
	snprintf(line, sizeof(line), "AUTH %s ", mechanism);
	encode(line + strlen(line), raw, (size_t)n);
	say(c, line);
}

/* RFC 5802 section 3. */
static void
scram_final(struct client *c, const char *challenge)
{
	unsigned char server_first[TEXT], salt[TEXT], salted[HASH], key[HASH];
	unsigned char stored[HASH], signature[HASH];
	char nonce[200] = "", salt64[200] = "", raw[TEXT], line[2 * TEXT];
	int rounds = 0, i;
	size_t n;

	decode(server_first, challenge);
	if (sscanf((char *)server_first, "r=%199[^,],s=%199[^,],i=%d", nonce,
		salt64, &rounds) != 3 ||
	    strncmp(nonce, c->nonce, strlen(c->nonce)) != 0) {
		say(c, "*");
		return;
	}
	n = decode(salt, salt64);
	PKCS5_PBKDF2_HMAC(password, (int)strlen(password), salt, (int)n, rounds,
	    EVP_sha256(), HASH, salted);
	hmac(key, salted, HASH, "Client Key");
	EVP_Digest(key, HASH, stored, NULL, EVP_sha256(), NULL);
	snprintf(c->auth_message, sizeof(c->auth_message), "%s,%s,c=biws,r=%s",
	    c->first, (char *)server_first, nonce);
	hmac(signature, stored, HASH, c->auth_message);
	for (i = 0; i < HASH; i++)
		key[i] ^= signature[i];
	hmac(c->server_key, salted, HASH, "Server Key");
	encode(line, key, HASH);
	snprintf(raw, sizeof(raw), "c=biws,r=%s,p=%.100s", nonce, line);
	encode(line, raw, strlen(raw));
	say(c, line);
}

/* The server's turn to show that it knows the password. */
static void
scram_check(struct client *c, const char *challenge)
{
	unsigned char said[TEXT], signature[HASH];
	char wanted[100] = "v=";

	decode(said, challenge);
	hmac(signature, c->server_key, HASH, c->auth_message);
	encode(wanted + 2, signature, HASH);
	say(c, strcmp((char *)said, wanted) == 0 ? "" : "*");
}

static void
finish(struct client *c)
{
	char text[TEXT], answer[TEXT];
	int step;

	for (step = 0; (c->code = hear(c, text)) == 334; step++) {
		const char *challenge = text + 4;

		if (strcmp(mechanism, "LOGIN") == 0) {
			encode(answer, step == 0 ? user : password,
			    strlen(step == 0 ? user : password));
			say(c, answer);
		} else if (step == 0)
			scram_final(c, challenge);
		else
			scram_check(c, challenge);
	}
}

int
main(int argc, char *argv[])
{
	int opt, count = 1, i, code, n, good = 0;
	struct client *clients;
	char text[TEXT];

	while ((opt = getopt(argc, argv, "n:")) != -1)
		if (opt == 'n')
			count = (int)strtol(optarg, NULL, 10);
	argv += optind;
	if (argc - optind != 5 || count < 1)
		return 64;
	mechanism = argv[2];
	user = argv[3];
	password = argv[4];
	clients = calloc((size_t)count, sizeof(*clients));
	if (clients == NULL)
		die("calloc");
	for (i = 0; i < count; i++) {
		connect_to(&clients[i], argv[0], argv[1]);
		(void)hear(&clients[i], text);
		say(&clients[i], "EHLO client.example.net");
		(void)hear(&clients[i], text);
	}
	for (i = 0; i < count; i++)
		begin(&clients[i]);
	for (i = 0; i < count; i++)
		finish(&clients[i]);
	for (code = 0; code < 600; code++) {
		for (i = n = 0; i < count; i++)
			n += clients[i].code == code;
		if (n > 0)
			printf("%d %d\n", code, n);
		good += code == 235 ? n : 0;
	}
	for (i = 0; i < count; i++)
		fclose(clients[i].in);
	free(clients);
	return good == count ? 0 : 1;
}

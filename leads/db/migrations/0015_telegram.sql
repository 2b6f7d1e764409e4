-- Where people are reached by a bot of Telegram.

-- The private chats that people have with the bot.
CREATE TABLE chats (
	login   TEXT    NOT NULL PRIMARY KEY,
	chat    INTEGER NOT NULL UNIQUE, -- as Telegram numbers it
	since   INTEGER NOT NULL,
	refused INTEGER NOT NULL DEFAULT 0 -- since when the person lets the bot write nothing; 0: it may
);

-- By a code a person tells the bot who they are, once.
CREATE TABLE chat_codes (
	code    TEXT    NOT NULL PRIMARY KEY, -- its SHA-256, in hexadecimal digits
	login   TEXT    NOT NULL,
	expires INTEGER NOT NULL
);
CREATE INDEX chat_codes_login ON chat_codes (login);

-- Up to which update each bot was heard.
CREATE TABLE bots (
	bot  INTEGER NOT NULL PRIMARY KEY, -- as Telegram numbers it
	next INTEGER NOT NULL
);

-- The alerts that stand in chats, until their lead is settled.
CREATE TABLE chat_alerts (
	chat    INTEGER NOT NULL,
	message INTEGER NOT NULL,
	lead    INTEGER NOT NULL,
	login   TEXT    NOT NULL,
	manager TEXT    NOT NULL, -- whose the lead was
	link    TEXT    NOT NULL, -- of its button; empty: it has none
	text    TEXT    NOT NULL,
	shown   TEXT    NOT NULL DEFAULT '', -- what was added to it last
	PRIMARY KEY (chat, message)
);
CREATE INDEX chat_alerts_lead ON chat_alerts (lead);

CREATE TABLE IF NOT EXISTS members (
	key   TEXT PRIMARY KEY,
	name  TEXT NOT NULL,
	admin INTEGER NOT NULL DEFAULT 0 -- may send to everyone
);
CREATE TABLE IF NOT EXISTS posts (
	id     TEXT PRIMARY KEY, -- a UUID, which is its room's, too
	author TEXT NOT NULL REFERENCES members,
	text   TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS likes (
	post   TEXT NOT NULL REFERENCES posts,
	member TEXT NOT NULL REFERENCES members,
	PRIMARY KEY (post, member)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS comments (
	id     INTEGER PRIMARY KEY AUTOINCREMENT,
	post   TEXT NOT NULL REFERENCES posts,
	author TEXT NOT NULL REFERENCES members,
	text   TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS comments_of_post ON comments (post, id);
CREATE TABLE IF NOT EXISTS notifications (
	id     INTEGER PRIMARY KEY AUTOINCREMENT,
	member TEXT NOT NULL REFERENCES members, -- whom it is for
	actor  TEXT NOT NULL REFERENCES members, -- who did it
	kind   TEXT NOT NULL,                    -- like or comment
	post   TEXT NOT NULL REFERENCES posts,
	text   TEXT NOT NULL,                    -- the comment
	time   INTEGER NOT NULL,                 -- in milliseconds
	read   INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS notifications_of_member ON notifications (member, id);
-- Who likes again after all is no news.
CREATE UNIQUE INDEX IF NOT EXISTS one_like ON notifications (post, actor) WHERE kind = 'like';
CREATE TABLE IF NOT EXISTS secrets (
	name  TEXT PRIMARY KEY,
	value BLOB NOT NULL
);

package faults

import "time"

// A fault is something that breaks, and is mended.
type fault struct {
	name   string
	lasts  time.Duration
	strike func(*scene)
	mend   func(*scene) // returns when nothing is wrong any more

	isBrief bool // it is over before anybody could ask for the health
	isQuiet bool // events go on arriving, and so the health stays good
}

// lasting is how long most faults last: longer than it takes to notice them, and
// longer than TCP waits before it sends a lost packet for the fourth time.
const lasting = 8 * time.Second

// faults are in the order of the table.
var faults = []fault{
	{
		name: "Redis is killed, and started again", lasts: lasting,
		strike: func(s *scene) { s.redis.Kill() },
		mend:   func(s *scene) { s.redis.Restart() },
	},
	{
		name: "Its connections are cut", isBrief: true,
		strike: func(s *scene) {
			s.redis.Do("CLIENT", "KILL", "TYPE", "pubsub")
			s.redis.Do("CLIENT", "KILL", "TYPE", "normal")
		},
		mend: func(*scene) {},
	},
	{
		name: "Redis is frozen (`SIGSTOP`)", lasts: lasting,
		strike: func(s *scene) { s.redis.Freeze() },
		mend:   func(s *scene) { s.redis.Thaw() },
	},
	{
		name: "Packets to Redis are lost", lasts: lasting,
		strike: func(s *scene) { s.namespace.Drop(true, false) },
		mend:   func(s *scene) { s.namespace.Drop(false, false) },
	},
	{
		name: "Packets from Redis are lost", lasts: lasting,
		strike: func(s *scene) { s.namespace.Drop(false, true) },
		mend:   func(s *scene) { s.namespace.Drop(false, false) },
	},
	{
		name: "Packets both ways are lost", lasts: lasting,
		strike: func(s *scene) { s.namespace.Drop(true, true) },
		mend:   func(s *scene) { s.namespace.Drop(false, false) },
	},
	{
		name: "`CLIENT PAUSE` of everything", lasts: lasting,
		strike: func(s *scene) { s.redis.Do("CLIENT", "PAUSE", lasting.Milliseconds()) },
		mend:   func(*scene) {},
	},
	{
		name: "`CLIENT PAUSE` of writes", lasts: lasting,
		strike: func(s *scene) { s.redis.Do("CLIENT", "PAUSE", lasting.Milliseconds(), "WRITE") },
		mend:   func(*scene) {},
	},
	{
		name: "The primary is demoted in place", lasts: lasting,
		strike: func(s *scene) { s.redis.Do("REPLICAOF", "127.0.0.1", "1") },
		mend:   func(s *scene) { s.redis.Do("REPLICAOF", "NO", "ONE") },
	},
	{
		name: "The password is changed, and connections are cut", lasts: lasting,
		strike: func(s *scene) {
			s.redis.Do("ACL", "SETUSER", user, "resetpass", ">another")
			s.redis.Do("CLIENT", "KILL", "USER", user)
		},
		mend: func(s *scene) { s.redis.Do("ACL", "SETUSER", user, "resetpass", ">"+password) },
	},
	{
		name: "The password is changed, and connections live on", lasts: lasting,
		strike: func(s *scene) {
			s.redis.Do("ACL", "SETUSER", user, "resetpass", ">another")
		},
		mend:    func(s *scene) { s.redis.Do("ACL", "SETUSER", user, "resetpass", ">"+password) },
		isQuiet: true,
	},
	{
		name: "Redis is full (`noeviction`)", lasts: lasting,
		strike:  func(s *scene) { s.redis.Do("CONFIG", "SET", "maxmemory", 1) },
		mend:    func(s *scene) { s.redis.Do("CONFIG", "SET", "maxmemory", 0) },
		isQuiet: true,
	},
	{
		name: "The link has a quarter of what is said", lasts: lasting,
		strike:  func(s *scene) { s.slowDown() },
		mend:    func(s *scene) { s.namespace.Limit("1gbit") },
		isQuiet: true,
	},
}

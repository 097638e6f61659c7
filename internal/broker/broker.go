// Package broker is what the engine needs of a server of messages, with histories
// and members, and none of its commands. Each role is an interface of its own, and a
// [Broker] has all of them; the one that there is speaks to Redis (broker/redis).
//
// A channel's history is a list of entries with IDs that grow, of which the oldest
// may be removed: in Redis, the Redis stream of the channel's name.
package broker

import (
	"context"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// A Broker is the whole of it. It is safe for concurrent use.
type Broker interface {
	Subscriber
	Publisher
	Histories
	Runs
	Archive
	Members
	Monitor
}

// A Subscriber receives what is published to channels.
type Subscriber interface {
	// Start connects, in the background and again and again, and tells the listener
	// what is received. A second call does nothing.
	Start(Listener)
	// Listen wants the channel to be received. It returns at once; the listener is
	// told when it is, each time: somebody else may have wanted it before.
	Listen(channel string)
	// Forget takes one Listen back.
	Forget(channel string)
	// Close ends the connections, and returns when nothing more is received, and what
	// waited to be stored is stored or given up; see [Publisher].
	Close()
}

// A Listener is told what is received. It must not block, since everything else that
// the broker says waits behind it.
type Listener interface {
	// Connected says that something is received again, before the first channel is.
	Connected()
	// Subscribed says that what is published to the channel from now on will be
	// received; what was said before, since Disconnected or since Listen, was not.
	Subscribed(channel string)
	// Message is one published payload.
	Message(channel, payload string)
	// Unsubscribed says that what is published to these channels is not received any
	// more, until Subscribed, though that of others may be.
	Unsubscribed(channels []string)
	// Disconnected says that the connection is lost, and with it every channel.
	Disconnected()
}

// A Publisher publishes, and stores what is published in histories. What it does
// fails within some seconds when the broker is away, and may have been done all the
// same if only the answer was lost.
type Publisher interface {
	// Publish publishes a payload to a channel, and returns how many gateways, and
	// other clients of the broker, received it.
	Publish(ctx context.Context, channel, payload string) (receivers int64, err error)
	// Store adds an entry to the channel's history, and publishes it in the same step.
	// The fields are names and values in turn, 2 to 1000 texts. It returns the entry's
	// ID, and the receivers as Publish does; with [ErrUnreplicated], too.
	Store(ctx context.Context, channel string, fields []string, limits HistoryLimits) (id string, receivers int64, err error)
	// Enqueue stores an event, as Store does, as soon as the broker is there, after
	// those that have waited longer, and calls done when it is, or when it is given up:
	// because the broker does not want it, or was closed ([ErrClosed]). It is given up
	// at once, with [ErrBacklogFull], if 10,000 events or 16 MiB wait already.
	//
	// An event whose first answer was lost may be stored twice: rather than never. It is
	// not waited for replicas.
	Enqueue(channel string, fields []string, limits HistoryLimits, done func(error)) error
	// Backlog is how many events wait to be stored.
	Backlog() int
	// Flush waits until nothing is left to be stored, the context is done, or the
	// broker is away.
	Flush(ctx context.Context)
}

// HistoryLimits are how much of a history stays, and where.
type HistoryLimits struct {
	// MaxLen is about how many entries; Redis drops the oldest in whole nodes, so that
	// there may be a hundred more. 0 keeps all.
	MaxLen int64
	// TTL is how long after the newest entry the whole history expires, in whole
	// milliseconds. 0 leaves it as it is: without a TTL it lives for ever.
	TTL time.Duration
	// Replicas are how many replicas of the server have to have the entry, too, before it
	// counts as stored, for which WaitTimeout is waited at most: if fewer have, the error
	// is [ErrUnreplicated]. 0: none, and nothing is waited for.
	Replicas    int
	WaitTimeout time.Duration
}

// An Archive reads histories for those who ask for a part of one.
type Archive interface {
	// Entries reads a page of the channel's history, in the order of time. A channel
	// without a history has no entries.
	Entries(ctx context.Context, channel string, p Page) ([]protocol.Entry, error)
	// HasHistory reports whether the channel has one.
	HasHistory(ctx context.Context, channel string) (bool, error)
}

// A Page is a part of a channel's history.
type Page struct {
	// After and Before are the IDs that the page lies between; entries with
	// these IDs are not in it. The zero value is no limit.
	After, Before protocol.EntryID
	// Limit is how many entries the page has at most, from 1.
	Limit int
	// Oldest says which entries the page has if there are more: the oldest, else
	// the newest.
	Oldest bool
}

// Members keeps who is in a channel, on all gateways together. Each gateway has members
// of its own, and a lease that it renews: only those of gateways with a lease are there,
// so that a gateway that is killed takes its members with it.
//
// Who comes by the first gateway and leaves by the last is published to the channel, in
// the step that changes it. All that is to be said is the caller's.
type Members interface {
	// Renew makes the gateway's lease end so much later, and reports whether it had
	// one until now, or else others may have taken its members for gone. It returns
	// gateways whose leases have ended, some if there are many.
	Renew(ctx context.Context, gateway string, lease time.Duration) (wasHeld bool, dead []string, err error)
	// Dead are gateways whose leases have ended, some if there are many.
	Dead(ctx context.Context) ([]string, error)
	// Enter says that members are in the channel by the gateway.
	Enter(ctx context.Context, gateway, channel string, members []Entering) error
	// Leave says that members are in the channel by the gateway no more, and whether
	// it has none left there. Of each who leaves left is published, then the ID in
	// JSON, and a brace.
	Leave(ctx context.Context, gateway, channel string, members []string, isEmpty bool, left string) error
	// Reap takes all members of a gateway out, unless it has a lease after all. Several
	// gateways may do so at once: each member leaves once. Of each is published what
	// left returns for the channel, as by Leave.
	Reap(ctx context.Context, gateway string, left func(channel string) string) error
	// Scan lists who is in the channel, each by each gateway, perhaps more than once.
	Scan(ctx context.Context, channel string, each func(m MemberRef, since time.Time)) error
	// Infos reads the infos of those that are still there.
	Infos(ctx context.Context, channel string, members []MemberRef) (map[MemberRef]string, error)
}

// An Entering is a member who comes to a channel, or is there.
type Entering struct {
	ID    string
	Since time.Time
	Info  string
	// Joined is published if the member is new there.
	Joined string
}

// A MemberRef is a member of a channel by one gateway.
type MemberRef struct{ Gateway, ID string }

// A Monitor knows how it stands with the broker.
type Monitor interface {
	Health() Health
	// Away reports whether the broker was looked for, and is not there.
	Away() bool
	// Address is where it is: host:port, the path of a socket, or, where neither is known,
	// a name.
	Address() string
}

// A Health is how it stands with Redis.
type Health struct {
	// Up: what is published is received.
	Up bool
	// Since is when that became so. It is zero while nothing is known.
	Since time.Time
	// Problem is why it is not up.
	Problem string
	// Refused is why Redis refuses new connections, while those that there are go
	// on, and so whether it is up, too. It is empty if none was refused.
	Refused string
	// Limited is why only a part of what the gateway does can work at this server,
	// though it is up: it is a node of a cluster. It is empty otherwise.
	Limited string
	// Warnings say in a sentence each what is not as it should be, though it is up: that
	// the watchers of histories are to be told by notifications, or were, and are not;
	// that sentinels are of no use.
	Warnings []string
	// RoundTrip is how long the newest probe took to come back.
	RoundTrip time.Duration
	// Connections counts the connections that have received anything, from the
	// first on.
	Connections uint64
	// Messages counts what was received.
	Messages uint64
}

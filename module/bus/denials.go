package bus

import (
	"sync"
	"time"

	"go.uber.org/zap"
)

// denials says which channels Redis denies: the first at once, the others a
// line a minute, since a client may be able to name any number of them.
type denials struct {
	log func() *zap.Logger

	mu   sync.Mutex
	said time.Time
	more int
}

func (d *denials) add(channel string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if time.Since(d.said) < time.Minute {
		d.more++
		return
	}
	d.log().Error("redis denies this user a channel (ACL); its subscribers hear nothing",
		zap.String("channel", channel), zap.Int("others_in_the_last_minute", d.more), zap.Error(err))
	d.said, d.more = time.Now(), 0
}

package main

import (
	"context"
	"database/sql"
)

// The types of events other than messages.
const (
	roomChanged = "room.changed"
	roomDeleted = "room.deleted"
)

// bells begins the channels of bells: the ID of the one who hears it follows, or
// everyone.
const bells = "chat:to:"

// A bell tells those who are elsewhere that something is new in a room, such as
// its newest message, but not what.
type bell struct {
	RoomID        string `json:"roomId"`
	LastMessageID int64  `json:"lastMessageId"`
}

// ring rings the bell of everyone, or of the one with this ID. Whoever is
// subscribed to any room hears it.
func (a *app) ring(ctx context.Context, tx *sql.Tx, to string, b bell) error {
	return a.outbox.put(ctx, tx, bells+to, roomChanged, b)
}

//go:build !linux

package transport

import "context"

// limitUnacknowledgedOf does nothing: the option is Linux' own.
func (*Options) limitUnacknowledgedOf(context.Context) {}

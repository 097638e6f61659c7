package http2

import (
	"bytes"
	"math"
	"slices"
	"testing"

	xhttp2 "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// FuzzHeaderBlock has a client send any header blocks, in frames of any kind, and compares
// what x/net's hpack makes of each one with what it makes of the block that is encoded
// again: by a decoder that has seen none of those that are not handed on.
//
// The script is a byte for each block that says how it is sent, one for its length, and
// the block.
func FuzzHeaderBlock(f *testing.F) {
	f.Add(encodedBlocks(0x81, 4096), uint32(0), uint16(3))
	f.Add(encodedBlocks(0x35, 100), uint32(300), uint16(1))
	f.Add(encodedBlocks(0xff, 0), uint32(64), uint16(100))
	f.Add([]byte{1, 2, 0x82, 0xbe, 3, 0, 0, 3, 0x3f, 0xe1, 0x1f}, uint32(0), uint16(9))
	f.Fuzz(func(t *testing.T, script []byte, limit uint32, piece uint16) {
		said := settings{}
		if limit %= 1 << 20; limit > 0 {
			said.values[settingMaxHeaderListSize], said.known = limit, 1<<settingMaxHeaderListSize
		} else {
			limit = defaultListSize
		}
		block := headerBlock{}
		oracle, later := hpack.NewDecoder(defaultTableSize, nil), hpack.NewDecoder(0, nil)
		oracle.SetMaxStringLength(int(limit))
		for stream := uint32(1); len(script) >= 2; stream += 2 {
			how, n := script[0], min(int(script[1]), len(script)-2)
			fragment := script[2 : 2+n]
			script = script[2+n:]
			want, err := decode(oracle, fragment)
			isAnew := how&1 != 0
			sendBlock(t, &block, &said, framesOf(fragment, how, stream), isAnew, int(piece)+1)
			// What nobody gets is passed over, as far as nothing refers to it later.
			isPassedOver := !isAnew || block.encoded.size > int(limit)
			if block.broken != (err != nil) && !isPassedOver {
				t.Fatalf("the block is broken: %v, and hpack says %v", block.broken, err)
			}
			if err != nil {
				return // the connection ends
			}
			if isAnew {
				compareBlock(t, &block, later, framesOf(fragment, how, stream), want, limit)
			}
			block.forget()
		}
	})
}

func decode(d *hpack.Decoder, fragment []byte) (fields []hpack.HeaderField, err error) {
	d.SetEmitFunc(func(f hpack.HeaderField) { fields = append(fields, f) })
	if _, err = d.Write(fragment); err == nil {
		err = d.Close()
	}
	return fields, err
}

// framesOf has x/net write the frames of a header block.
func framesOf(fragment []byte, how byte, stream uint32) []byte {
	var b bytes.Buffer
	f := xhttp2.NewFramer(&b, nil)
	first := len(fragment)
	if how&2 != 0 {
		first = len(fragment) / 3
	}
	p := xhttp2.HeadersFrameParam{StreamID: stream, BlockFragment: fragment[:first], EndStream: how&4 != 0, EndHeaders: how&2 == 0}
	if how&8 != 0 {
		p.PadLength = how
	}
	if how&16 != 0 {
		p.Priority = xhttp2.PriorityParam{StreamDep: 1 << how % 31, Exclusive: how&32 != 0, Weight: how}
		if p.Priority.StreamDep == stream {
			p.Priority.StreamDep = 0
		}
	}
	if err := f.WriteHeaders(p); err != nil {
		panic(err)
	}
	if rest := fragment[first:]; how&2 != 0 {
		middle := 0
		if how&64 != 0 {
			middle = len(rest) / 2
			if err := f.WriteContinuation(stream, false, rest[:middle]); err != nil {
				panic(err)
			}
		}
		if err := f.WriteContinuation(stream, true, rest[middle:]); err != nil {
			panic(err)
		}
	}
	return b.Bytes()
}

// sendBlock gives the frames to who follows them, in pieces.
func sendBlock(t *testing.T, b *headerBlock, said *settings, frames []byte, isAnew bool, piece int) {
	t.Helper()
	for len(frames) > 0 {
		h := parseHead(frames)
		payload := frames[headLen : headLen+h.length]
		frames = frames[headLen+h.length:]
		b.begin(h, isAnew, said)
		for p := range slices.Chunk(payload, piece) {
			b.note(p)
		}
		if done := b.isDone(); done != (len(frames) == 0) {
			t.Fatalf("the block is at its end: %v, with %d bytes to come", done, len(frames))
		}
	}
}

// compareBlock reads both by x/net.
func compareBlock(t *testing.T, b *headerBlock, later *hpack.Decoder, sent []byte, want []hpack.HeaderField, limit uint32) {
	t.Helper()
	first, _ := readBlock(t, sent)
	again, fragment := readBlock(t, b.appendEncoded(nil))
	got, err := decode(later, fragment)
	if err != nil {
		t.Fatal(err)
	}
	if again.StreamID != first.StreamID || again.StreamEnded() != first.StreamEnded() || again.Priority != first.Priority || again.HasPriority() != first.HasPriority() {
		t.Errorf("%v, not %v", again, first)
	}
	if len(got) > len(want) || !slices.Equal(got, want[:len(got)]) {
		t.Fatalf("%v, not %v", got, want)
	}
	if len(got) == len(want) {
		return
	}
	size := uint32(0)
	for _, f := range got {
		size += f.Size()
	}
	if size <= limit || size-got[len(got)-1].Size() > limit {
		t.Errorf("%d fields of %d, with %d bytes where %d may be", len(got), len(want), size, limit)
	}
}

// readBlock reads frames as a header block, which they have to be.
func readBlock(t *testing.T, frames []byte) (first *xhttp2.HeadersFrame, fragment []byte) {
	t.Helper()
	f := xhttp2.NewFramer(nil, bytes.NewReader(frames))
	f.SetReuseFrames()
	for isOver := false; !isOver; {
		read, err := f.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		switch read := read.(type) {
		case *xhttp2.HeadersFrame:
			copied := *read
			first, fragment, isOver = &copied, slices.Clone(read.HeaderBlockFragment()), read.HeadersEnded()
		case *xhttp2.ContinuationFrame:
			fragment, isOver = append(fragment, read.HeaderBlockFragment()...), read.HeadersEnded()
		default:
			t.Fatal(read)
		}
	}
	if _, err := f.ReadFrame(); err == nil {
		t.Fatal("there are more frames")
	}
	return first, fragment
}

// encodedBlocks are five blocks of a client with a table of that size.
func encodedBlocks(how byte, table uint32) []byte {
	var script, b bytes.Buffer
	e := hpack.NewEncoder(&b)
	e.SetMaxDynamicTableSize(table)
	for i := range 5 {
		b.Reset()
		for _, f := range []hpack.HeaderField{
			{Name: ":method", Value: "GET"},
			{Name: ":path", Value: "/events"},
			{Name: "last-event-id", Value: string(bytes.Repeat([]byte{'a' + byte(i%2)}, 20*i))},
			{Name: "cookie", Value: "secret", Sensitive: true},
		} {
			_ = e.WriteField(f)
		}
		block := b.Bytes()[:min(b.Len(), math.MaxUint8)]
		script.Write([]byte{how ^ byte(i<<1), byte(len(block))})
		script.Write(block)
	}
	return script.Bytes()
}

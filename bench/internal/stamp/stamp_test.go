package stamp

import "testing"

// However a stream is cut into reads, its stamps are found.
func TestFindInPieces(t *testing.T) {
	want := []Stamp{{Phase: 1, Sent: 1 << 40, Number: 7}, {Phase: 255, Sent: 12, Number: 1<<32 - 1}}
	var stream []byte
	for _, s := range want {
		stream = append(stream, "id: a@b\ndata: "...)
		stream = append(stream, s.Payload(60)...)
		stream = append(stream, "\n\n"...)
	}
	for cut := range len(stream) {
		var got []Stamp
		var carry []byte
		for _, piece := range [][]byte{stream[:cut], stream[cut:]} {
			b := append(carry, piece...)
			for {
				s, rest, ok := Find(b)
				if !ok {
					carry = rest
					break
				}
				got, b = append(got, s), rest
			}
		}
		if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
			t.Fatalf("cut at %d: %v", cut, got)
		}
	}
}

func TestPayloadSize(t *testing.T) {
	for size, want := range map[int]int{0: Len, Len: Len, 200: 200} {
		if got := len(Stamp{}.Payload(size)); got != want {
			t.Errorf("size %d: %d", size, got)
		}
	}
}

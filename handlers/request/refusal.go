package request

// A Refusal is what a client is told of what went wrong: a sentence in which there
// is nothing of the inside. The detail is for the log only.
type Refusal struct {
	Sentence string
	Detail   error // nil: there is no more to it
}

// NewRefusal is a refusal with that sentence, and a detail for the log, which may be nil.
func NewRefusal(sentence string, detail error) *Refusal { return &Refusal{sentence, detail} }

func (r *Refusal) Error() string { return r.Sentence }

func (r *Refusal) Unwrap() error { return r.Detail }

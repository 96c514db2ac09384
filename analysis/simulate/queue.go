package simulate

// event is something that happens to a process or a request at a time.
type event struct {
	at float64
	id int32
}

// events is a heap, the earliest first. Unlike container/heap it allocates for
// growing only.
type events []event

func (h *events) push(e event) {
	q := append(*h, e)
	i := len(q) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if q[parent].at <= e.at {
			break
		}
		q[i] = q[parent]
		i = parent
	}
	q[i] = e
	*h = q
}

func (h *events) pop() event {
	q := *h
	first, last := q[0], q[len(q)-1]
	q = q[:len(q)-1]
	*h = q
	if len(q) == 0 {
		return first
	}
	i := 0
	for {
		child := 2*i + 1
		if child >= len(q) {
			break
		}
		if child+1 < len(q) && q[child+1].at < q[child].at {
			child++
		}
		if q[child].at >= last.at {
			break
		}
		q[i] = q[child]
		i = child
	}
	q[i] = last
	return first
}

// fifo is a queue of ids.
type fifo struct {
	ids  []int32
	head int
}

func (f *fifo) len() int { return len(f.ids) - f.head }

func (f *fifo) push(id int32) {
	if f.head > 64 && f.head > len(f.ids)/2 {
		f.ids = f.ids[:copy(f.ids, f.ids[f.head:])]
		f.head = 0
	}
	f.ids = append(f.ids, id)
}

func (f *fifo) pop() int32 {
	id := f.ids[f.head]
	f.head++
	return id
}

func (f *fifo) first() int32 { return f.ids[f.head] }

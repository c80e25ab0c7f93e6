// bide/bench: the same workloads in Go, on one processor unless a second thread belongs to the workload.
package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	pairsPerTurn  = 256 // as in the C++ programs: the scheduler gets a turn after so many start-and-cancel pairs
	queueCapacity = 64
)

func yield(n int) {
	for i := 0; i < n; i++ {
		runtime.Gosched()
	}
}

func spawn(n int) {
	var joined sync.WaitGroup
	for i := 0; i < n; i++ {
		joined.Add(1)
		go joined.Done()
		joined.Wait()
	}
}

func sleep(n int, seconds float64) {
	delay := time.Duration(seconds * float64(time.Second))
	var joined sync.WaitGroup
	joined.Add(n)
	for i := 0; i < n; i++ {
		go func() {
			time.Sleep(delay)
			joined.Done()
		}()
	}
	joined.Wait()
}

type random uint64

func (r *random) delay() time.Duration {
	x := uint64(*r)
	x ^= x << 13
	x ^= x >> 7
	x ^= x << 17
	*r = random(x)
	return time.Duration(1000+x%59001) * time.Millisecond
}

func timers(n int) time.Duration {
	r := random(88172645463325252)
	ignore := func() {}
	live := make([]*time.Timer, 0, n)
	for i := 0; i < n; i++ {
		live = append(live, time.AfterFunc(r.delay(), ignore))
	}
	start := time.Now()
	for i := 0; i < n; i++ {
		time.AfterFunc(r.delay(), ignore).Stop()
		if i%pairsPerTurn == 0 {
			runtime.Gosched()
		}
	}
	elapsed := time.Since(start)
	runtime.KeepAlive(live)
	return elapsed
}

// A goroutine on another thread hands functions over; a channel is Go's only inbox, and it is bounded.
func threadsafe(n int) time.Duration {
	inbox := make(chan func(), 1024)
	ran := 0
	var start time.Time
	go func() {
		runtime.LockOSThread()
		time.Sleep(20 * time.Millisecond)
		start = time.Now()
		for i := 0; i < n; i++ {
			inbox <- func() { ran++ }
		}
		close(inbox)
	}()
	for call := range inbox {
		call()
	}
	return time.Since(start)
}

func lock(n int) {
	var mutex sync.Mutex
	for i := 0; i < n; i++ {
		mutex.Lock()
		mutex.Unlock()
	}
}

func queue(n int) {
	items := make(chan int, queueCapacity)
	go func() {
		for i := 0; i < n; i++ {
			items <- i
		}
	}()
	for i := 0; i < n; i++ {
		<-items
	}
}

func spawnWait(n int) {
	for i := 0; i < n; i++ {
		if err := exec.Command("/bin/true").Run(); err != nil {
			panic(err)
		}
	}
}

// Sixteen goroutines read a thousand small files, over and over.
func small(n int) time.Duration {
	const readers = 16
	folder, err := os.MkdirTemp("", "bide-bench-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	paths := make([]string, 1000)
	for i := range paths {
		paths[i] = filepath.Join(folder, strconv.Itoa(i))
		if err := os.WriteFile(paths[i], make([]byte, 1000), 0600); err != nil {
			panic(err)
		}
	}
	var joined sync.WaitGroup
	joined.Add(readers)
	start := time.Now()
	for first := 0; first < readers; first++ {
		go func(first int) {
			for i := first; i < n; i += readers {
				if text, err := os.ReadFile(paths[i%len(paths)]); err != nil || len(text) != 1000 {
					panic(err)
				}
			}
			joined.Done()
		}(first)
	}
	joined.Wait()
	return time.Since(start)
}

func peakKiB() (kib int) {
	status, err := os.Open("/proc/self/status")
	if err != nil {
		return 0
	}
	defer status.Close()
	for lines := bufio.NewScanner(status); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "VmHWM:") {
			fmt.Sscanf(lines.Text(), "VmHWM: %d", &kib)
		}
	}
	return kib
}

func usage() {
	fmt.Fprintln(os.Stderr, "usage: tasks yield|spawn|sleep|timers|threadsafe|lock|queue|spawn_wait|small N [SECONDS]")
	os.Exit(2)
}

func main() {
	if len(os.Args) < 3 {
		usage()
	}
	mode := os.Args[1]
	n, err := strconv.Atoi(os.Args[2])
	if err != nil {
		usage()
	}
	seconds := 10.0
	if len(os.Args) > 3 {
		seconds, _ = strconv.ParseFloat(os.Args[3], 64)
	}
	if mode == "threadsafe" {
		runtime.GOMAXPROCS(2)
	} else {
		runtime.GOMAXPROCS(1)
	}
	start := time.Now()
	var elapsed time.Duration
	switch mode {
	case "yield":
		yield(n)
	case "spawn":
		spawn(n)
	case "sleep":
		sleep(n, seconds)
	case "timers":
		elapsed = timers(n)
	case "threadsafe":
		elapsed = threadsafe(n)
	case "lock":
		lock(n)
	case "queue":
		queue(n)
	case "spawn_wait":
		spawnWait(n)
	case "small":
		elapsed = small(n)
	default:
		usage()
	}
	if elapsed == 0 {
		elapsed = time.Since(start)
	}
	kib := peakKiB()
	fmt.Printf("%s n=%d %.3f s %.2f ns each rss %d KiB (%.0f B each)\n", mode, n, elapsed.Seconds(),
		float64(elapsed.Nanoseconds())/float64(n), kib, float64(kib)*1024/float64(n))
}

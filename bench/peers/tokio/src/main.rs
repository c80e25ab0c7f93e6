// bide/bench: the same workloads on tokio's current-thread runtime.
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, Mutex};
use tokio::task::{spawn, spawn_blocking, unconstrained, yield_now};
use tokio::time::{sleep, Sleep};

// As in the C++ programs: the loop gets a turn after so many start-and-cancel pairs.
const PAIRS_PER_TURN: u64 = 256;
const QUEUE_CAPACITY: usize = 64;

async fn yields(n: u64) {
    for _ in 0..n {
        yield_now().await;
    }
}

async fn spawns(n: u64) {
    for _ in 0..n {
        spawn(async {}).await.unwrap();
    }
}

async fn sleeps(n: u64, seconds: f64) {
    let delay = Duration::from_secs_f64(seconds);
    let mut handles = Vec::with_capacity(n as usize);
    for _ in 0..n {
        handles.push(spawn(async move { sleep(delay).await }));
    }
    for handle in handles {
        handle.await.unwrap();
    }
}

struct Random(u64);

impl Random {
    fn delay(&mut self) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        Duration::from_millis(1000 + self.0 % 59001)
    }
}

// A Sleep enters the timer wheel at its first poll and leaves it when it is dropped.
struct Start<'a>(&'a mut Pin<Box<Sleep>>);

impl Future for Start<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let _ = self.0.as_mut().poll(context);
        Poll::Ready(())
    }
}

// Unconstrained: otherwise every poll past the task's budget of 128 would return without starting the timer.
async fn timers(n: u64) -> Duration {
    let mut random = Random(88172645463325252);
    let mut live = Vec::with_capacity(n as usize);
    for _ in 0..n {
        let mut timer = Box::pin(sleep(random.delay()));
        Start(&mut timer).await;
        live.push(timer);
    }
    let begin = Instant::now();
    for i in 0..n {
        let mut timer = Box::pin(sleep(random.delay()));
        Start(&mut timer).await;
        drop(timer);
        if i % PAIRS_PER_TURN == 0 {
            yield_now().await;
        }
    }
    let elapsed = begin.elapsed();
    std::mem::forget(live);
    elapsed
}

type Call = Box<dyn FnOnce(&mut u64) + Send>;

async fn threadsafe(n: u64) -> Duration {
    let (sender, mut inbox) = mpsc::unbounded_channel::<Call>();
    let producer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(20)); // the loop is asleep when the burst begins
        let begin = Instant::now();
        for i in 0..n {
            sender.send(Box::new(move |sum| *sum += i)).ok().unwrap();
        }
        begin
    });
    let mut sum = 0;
    while let Some(call) = inbox.recv().await {
        call(&mut sum);
    }
    let end = Instant::now();
    assert_eq!(sum, n * (n - 1) / 2);
    end - producer.join().unwrap()
}

async fn locks(n: u64) {
    let mutex = Mutex::new(0u64);
    for i in 0..n {
        *mutex.lock().await += i;
    }
}

async fn queues(n: u64) {
    let (sender, mut items) = mpsc::channel(QUEUE_CAPACITY);
    let producer = spawn(async move {
        for i in 0..n {
            sender.send(i).await.unwrap();
        }
    });
    while items.recv().await.is_some() {}
    producer.await.unwrap();
}

async fn to_threads(n: u64) {
    let total = Arc::new(std::sync::atomic::AtomicU64::new(0));
    for _ in 0..n {
        let total = total.clone();
        spawn_blocking(move || total.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
            .await
            .unwrap();
    }
}

async fn run(mode: String, n: u64, seconds: f64) -> Option<Duration> {
    let begin = Instant::now();
    match mode.as_str() {
        "yield" => yields(n).await,
        "spawn" => spawns(n).await,
        "sleep" => sleeps(n, seconds).await,
        "timers" => return Some(unconstrained(timers(n)).await),
        "threadsafe" => return Some(threadsafe(n).await),
        "lock" => locks(n).await,
        "queue" => queues(n).await,
        "to_thread" => to_threads(n).await,
        _ => return None,
    }
    Some(begin.elapsed())
}

fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
        .unwrap_or(0)
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let n: u64 = args.get(2).and_then(|text| text.parse().ok()).unwrap_or(0);
    let seconds: f64 = args
        .get(3)
        .and_then(|text| text.parse().ok())
        .unwrap_or(10.0);
    let mode = args.get(1).cloned().unwrap_or_default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    // In a task, not in block_on itself: there tokio spawns and joins half as fast again.
    let bench = {
        let mode = mode.clone();
        async move { spawn(run(mode, n, seconds)).await.unwrap() }
    };
    match if n == 0 {
        None
    } else {
        runtime.block_on(bench)
    } {
        Some(elapsed) => {
            let ns = elapsed.as_nanos() as f64 / n as f64;
            let kib = peak_kib();
            let each = kib as f64 * 1024.0 / n as f64;
            println!(
                "{mode} n={n} {:.3} s {ns:.2} ns each rss {kib} KiB ({each:.0} B each)",
                elapsed.as_secs_f64()
            );
            std::process::exit(0); // skips dropping a million sleepers
        }
        None => {
            eprintln!("usage: tokio_tasks yield|spawn|sleep|timers|threadsafe|lock|queue|to_thread N [SECONDS]");
            std::process::exit(2);
        }
    }
}

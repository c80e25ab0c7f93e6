// bide/bench: an echo server on tokio's current-thread runtime, a task for each connection: `tokio_echo PORT`.
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

async fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    // Not vec![0; ...]: that writes to all of it, and an idle connection would cost the whole buffer.
    let mut buffer = Vec::with_capacity(64 * 1024);
    while stream.read_buf(&mut buffer).await? != 0 {
        stream.write_all(&buffer).await?;
        buffer.clear();
    }
    Ok(())
}

async fn listen(port: u16) -> std::io::Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(([127, 0, 0, 1], port).into())?;
    let listener = socket.listen(4096)?;
    println!("ready");
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(serve(stream));
    }
}

fn main() -> std::io::Result<()> {
    let port = std::env::args().nth(1).and_then(|text| text.parse().ok());
    let port = port.unwrap_or_else(|| {
        eprintln!("usage: tokio_echo PORT");
        std::process::exit(2);
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    // In a task, not in block_on itself, where tokio is slower to come back to it.
    runtime.block_on(async move { tokio::spawn(listen(port)).await.unwrap() })
}

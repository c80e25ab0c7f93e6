// bide/bench: a TLS echo server on tokio's current-thread runtime: `tokio_tls_echo PORT CERTIFICATE KEY`.
use openssl::ssl::{Ssl, SslAcceptor, SslFiletype, SslMethod};
use std::error::Error;
use std::pin::Pin;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_openssl::SslStream;

async fn serve(stream: TcpStream, acceptor: SslAcceptor) -> Result<(), Box<dyn Error>> {
    stream.set_nodelay(true)?;
    let mut stream = SslStream::new(Ssl::new(acceptor.context())?, stream)?;
    Pin::new(&mut stream).accept().await?;
    // A record; a read returns no more. Not vec![0; ...]: that writes to all of it.
    let mut buffer = Vec::with_capacity(16 * 1024);
    while stream.read_buf(&mut buffer).await? != 0 {
        stream.write_all(&buffer).await?;
        buffer.clear();
    }
    stream.shutdown().await?;
    Ok(())
}

async fn listen(port: u16, acceptor: SslAcceptor) -> std::io::Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(([127, 0, 0, 1], port).into())?;
    let listener = socket.listen(4096)?;
    println!("ready");
    loop {
        let (stream, _) = listener.accept().await?;
        let acceptor = acceptor.clone();
        tokio::spawn(async move { serve(stream, acceptor).await.ok() });
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.len() < 4 {
        eprintln!("usage: tokio_tls_echo PORT CERTIFICATE KEY");
        std::process::exit(2);
    }
    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
    acceptor.set_certificate_chain_file(&arguments[2])?;
    acceptor.set_private_key_file(&arguments[3], SslFiletype::PEM)?;
    let acceptor = acceptor.build();
    let port = arguments[1].parse()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    // In a task, not in block_on itself, where tokio is slower to come back to it.
    Ok(runtime.block_on(async move { tokio::spawn(listen(port, acceptor)).await.unwrap() })?)
}

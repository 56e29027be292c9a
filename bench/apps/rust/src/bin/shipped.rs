use fastly::{Error, Request};

fn main() -> Result<(), Error> {
    if let Some(response) = bench::handle(Request::from_client())? {
        response.send_to_client();
    }
    Ok(())
}

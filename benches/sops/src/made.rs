//! Documents with made-up values, as people keep those of their hosts and services.

use std::fmt::Write;

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::engine::SET;

/// Services of each host, five keys each.
const SERVICES: [&str; 8] =
    ["grafana", "postgresql", "caddy", "restic", "vaultwarden", "nextcloud", "wireguard", "mosquitto"];
const KEYS: usize = 5;

/// A plaintext, and what it says.
pub struct Made {
    pub text: String,
    pub values: Value,
}

/// The document of this number, with so many keys; the same one each time.
pub fn document(number: u64, keys: usize) -> Made {
    let mut writer = Writer { text: String::new(), random: Random(number + 1) };
    let mut values = Map::new();
    let services = keys / KEYS;
    for host in 0..services.div_ceil(SERVICES.len()) {
        let name = format!("host-{host:02}");
        let first = host * SERVICES.len();
        let _ = writeln!(writer.text, "{name}:");
        let here = SERVICES.iter().take((services - first).min(SERVICES.len()));
        let here = here
            .enumerate()
            .map(|(index, service)| ((*service).to_owned(), writer.service(service, first + index)));
        values.insert(name, Value::Object(here.collect()));
    }
    Made { text: writer.text, values: Value::Object(values) }
}

struct Writer {
    text: String,
    random: Random,
}

impl Writer {
    /// A service: a password, a port, a switch, an address, and a token, every fourth time a key of several lines.
    fn service(&mut self, name: &str, index: usize) -> Value {
        if index.is_multiple_of(3) {
            let _ = writeln!(self.text, "    # {name} number {index}; rotate in spring");
        }
        let password = if index == 0 { SET.1.to_owned() } else { self.random.letters(32) };
        let port = 1024 + self.random.next() % 60_000;
        let enabled = index.is_multiple_of(2);
        let address = format!(
            "https://{}:{}@{name}.example.org/api?v=1&n={index}",
            self.random.letters(8),
            self.random.letters(24)
        );
        let _ = writeln!(
            self.text,
            "    {name}:\n        password: {password}\n        port: {port}\n        enabled: {enabled}\n        address: {address}"
        );
        let last = if index % 4 == 3 { self.block() } else { self.token() };
        json!({"password": password, "port": port, "enabled": enabled, "address": address, "token": last})
    }

    fn token(&mut self) -> String {
        let token = self.random.letters(64);
        let _ = writeln!(self.text, "        # of the {} account\n        token: {token}", &token[..4]);
        token
    }

    /// Ten lines, as a private key has them.
    fn block(&mut self) -> String {
        let mut block = String::from("-----BEGIN MADE UP KEY-----\n");
        for _ in 0..8 {
            let _ = writeln!(block, "{}", self.random.letters(64));
        }
        block.push_str("-----END MADE UP KEY-----\n");
        let _ = writeln!(self.text, "        token: |");
        block.lines().for_each(|line| {
            let _ = writeln!(self.text, "            {line}");
        });
        block
    }
}

/// Xorshift: the same numbers each time, which is all that is asked of it.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 8
    }

    /// So many letters and digits, a letter first, so that no reader takes them for a number.
    fn letters(&mut self, count: usize) -> String {
        const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
        let mut letter =
            |among: u64| char::from(LETTERS[usize::try_from(self.next() % among).unwrap_or_default()]);
        std::iter::once(letter(26)).chain((1..count).map(|_| letter(36))).collect()
    }
}

use sha2::{Digest, Sha256};

use super::super::chain::{Hash, Head, append_line, parse_line};

#[test]
fn line_is_what_the_manual_says() {
    let mut out = Vec::new();
    let head = append_line(Head::EMPTY, br#"{"kind":"policy"}"#, &mut out);
    append_line(head, b"{}", &mut out);
    let text = String::from_utf8(out).unwrap();
    let (first, rest) = text.split_once('\n').unwrap();
    let hashed = first.split(",\"hash\":").next().unwrap();
    assert_eq!(hashed, format!(r#"{{"seq":1,"prev":"{}","record":{{"kind":"policy"}}"#, "0".repeat(64)));
    let hash = hex::encode(Sha256::digest(hashed));
    assert_eq!(first, format!(r#"{hashed},"hash":"{hash}"}}"#));
    assert!(rest.starts_with(&format!(r#"{{"seq":2,"prev":"{hash}","record":{{}},"#)), "{rest}");
}

#[test]
fn line_with_any_bit_flipped_is_not_a_sound_line() {
    let mut out = Vec::new();
    append_line(Head { seq: 41, hash: Hash::of(b"before") }, br#"{"kind":"policy","policy":"v1"}"#, &mut out);
    out.pop();
    assert!(parse_line(&out).unwrap().sound);
    for idx in 0..out.len() {
        for bit in 0..8 {
            let mut altered = out.clone();
            altered[idx] ^= 1 << bit;
            assert!(parse_line(&altered).is_none_or(|line| !line.sound), "byte {idx} bit {bit}");
        }
    }
}

#[test]
fn head_file_has_one_spelling() {
    let head = Head { seq: 7, hash: Hash::of(b"x") };
    let content = head.to_file();
    assert_eq!(content.len(), Head::FILE_LEN);
    assert_eq!(Head::from_file(content.as_bytes()), Some(head));
    for idx in 0..content.len() {
        let mut altered = content.clone().into_bytes();
        altered[idx] ^= 1;
        assert_ne!(Head::from_file(&altered), Some(head), "byte {idx}");
    }
    assert_eq!(Head::from_file(content.to_uppercase().as_bytes()), None);
}

//! Pages as a Presto 0.287 sent them, without the empty bytes behind them, and their rows as the same query gave them in JSON,
//! instants in UTC.

use super::Recorded;

pub(super) const ALL: &[Recorded] = &[
    Recorded {
        name: "fixed widths, with nulls left out",
        types: &["tinyint", "smallint", "integer", "bigint", "double", "real", "boolean"],
        page: "BQAAAAD/AAAA/wAAAAAAAAAAAAAABwAAAAoAAABCWVRFX0FSUkFZBQAAAAD+/wABAgsAAABTSE9SVF9BUlJBWQUAAAABIP7///8BAAIA\
            CQAAAElOVF9BUlJBWQUAAAABIP7/////////AQAAAAIAAAAKAAAATE9OR19BUlJBWQUAAAABIAAO+tX+////ABz0q/3///8AOOhX+///\
            /wBG4i36////CgAAAExPTkdfQVJSQVkFAAAAASCSJEmSJEnCP5IkSZIkSdI/kiRJkiRJ4j+3bdu2bdvmPwkAAABJTlRfQVJSQVkFAAAA\
            ASAlSRI+JUmSPiVJEj9u2zY/CgAAAEJZVEVfQVJSQVkFAAAAAAABAAEA",
        rows: &[
            "-2 | -2 | -2 | -5000000000 | 0.14285714285714285 | 0.14285715 | false",
            "-1 | -1 | -1 | -10000000000 | 0.2857142857142857 | 0.2857143 | true",
            "0 | null | null | null | null | null | false",
            "1 | 1 | 1 | -20000000000 | 0.5714285714285714 | 0.5714286 | true",
            "2 | 2 | 2 | -25000000000 | 0.7142857142857143 | 0.71428573 | false",
        ],
    },
    Recorded {
        name: "a sign and a magnitude, from 19 digits on",
        types: &["decimal(12,2)", "decimal(38,0)", "decimal(4,1)", "decimal(38,0)"],
        page: "BQAAAAAfAQAAHwEAAAAAAAAAAAAABAAAAAoAAABMT05HX0FSUkFZBQAAAAEg6zKk+P/////WZUjx/////6zLkOL/////l/402/////8M\
            AAAASU5UMTI4X0FSUkFZBQAAAAEghkuffG6OOi21nmZ+5cTtgIVLn3xujjottZ5mfuXE7YCDS598bo46LbWeZn7lxO2AgkuffG6OOi21\
            nmZ+5cTtgAoAAABMT05HX0FSUkFZBQAAAADx/////////+L/////////0//////////E/////////7X/////////DAAAAElOVDEyOF9B\
            UlJBWQUAAAABIPX///8/IooJesSGWqhMO0v0////PyKKCXrEhlqoTDtL8v///z8iigl6xIZaqEw7S/H///8/IooJesSGWqhMO0s=",
        rows: &[
            "-1234567.89 | -1234567890123456789012345678901234566 | -1.5 | 99999999999999999999999999999999999989",
            "-2469135.78 | -1234567890123456789012345678901234565 | -3.0 | 99999999999999999999999999999999999988",
            "null | null | -4.5 | null",
            "-4938271.56 | -1234567890123456789012345678901234563 | -6.0 | 99999999999999999999999999999999999986",
            "-6172839.45 | -1234567890123456789012345678901234562 | -7.5 | 99999999999999999999999999999999999985",
        ],
    },
    Recorded {
        name: "texts and bytes",
        types: &["varchar", "char(3)", "varbinary", "json"],
        page: "BQAAAAAMAQAADAEAAAAAAAAAAAAABAAAAA4AAABWQVJJQUJMRV9XSURUSAUAAAAJAAAAEgAAABIAAAAbAAAAJAAAAAEgJAAAAHrDvHJp\
            Y2ggMXrDvHJpY2ggMnrDvHJpY2ggNHrDvHJpY2ggNQ4AAABWQVJJQUJMRV9XSURUSAUAAAABAAAAAgAAAAIAAAADAAAABAAAAAEgBAAA\
            ADEyNDUOAAAAVkFSSUFCTEVfV0lEVEgFAAAAAQAAAAIAAAACAAAAAwAAAAQAAAABIAQAAAAxMjQ1DgAAAFZBUklBQkxFX1dJRFRIBQAA\
            AAcAAAAOAAAADgAAABUAAAAcAAAAASAcAAAAeyJhIjoxfXsiYSI6Mn17ImEiOjR9eyJhIjo1fQ==",
        rows: &[
            r#"zürich 1 | 1   | 31 | {"a":1}"#,
            r#"zürich 2 | 2   | 32 | {"a":2}"#,
            "null | null | null | null",
            r#"zürich 4 | 4   | 34 | {"a":4}"#,
            r#"zürich 5 | 5   | 35 | {"a":5}"#,
        ],
    },
    Recorded {
        name: "times",
        types: &[
            "date",
            "timestamp",
            "timestamp with time zone",
            "time",
            "interval year to month",
            "interval day to second",
        ],
        page: "BQAAAAAaAQAAGgEAAAAAAAAAAAAABgAAAAkAAABJTlRfQVJSQVkFAAAAASCRRwAAkkcAAJRHAACVRwAACgAAAExPTkdfQVJSQVkFAAAA\
            ASDmAwAAAAAAAM4HAAAAAAAAng8AAAAAAACGEwAAAAAAAAoAAABMT05HX0FSUkFZBQAAAAEgIohmy7csGQAiCKXLtywZACIIIsy3LBkA\
            IohgzLcsGQAKAAAATE9OR19BUlJBWQUAAAABIPzOOAAAAAAA/M44AAAAAAD8zjgAAAAAAPzOOAAAAAAACQAAAElOVF9BUlJBWQUAAAAB\
            IAEAAAACAAAABAAAAAUAAAAKAAAATE9OR19BUlJBWQUAAAABIACKuQcAAAAAABRzDwAAAAAAKOYeAAAAAACynyYAAAAA",
        rows: &[
            "2020-02-29 | 1970-01-01T00:00:00.998 | 2024-10-27T01:00:01Z | 01:02:03.004 | 0 years 1 mons | PT129600S",
            "2020-03-01 | 1970-01-01T00:00:01.998 | 2024-10-27T01:00:02Z | 01:02:03.004 | 0 years 2 mons | PT259200S",
            "null | null | null | null | null | null",
            "2020-03-03 | 1970-01-01T00:00:03.998 | 2024-10-27T01:00:04Z | 01:02:03.004 | 0 years 4 mons | PT518400S",
            "2020-03-04 | 1970-01-01T00:00:04.998 | 2024-10-27T01:00:05Z | 01:02:03.004 | 0 years 5 mons | PT648000S",
        ],
    },
    Recorded {
        name: "lists, maps and rows",
        types: &[
            "array(bigint)",
            "row(a bigint,b varchar)",
            "map(varchar,bigint)",
            "array(row(a array(integer),b varchar))",
        ],
        page: "BQAAAABiAgAAYgIAAAAAAAAAAAAABAAAAAUAAABBUlJBWQoAAABMT05HX0FSUkFZCQAAAAFJAAEAAAAAAAAABwAAAAAAAAAEAAAAAAAA\
            AAcAAAAAAAAABQAAAAAAAAAHAAAAAAAAAAUAAAAAAAAAAwAAAAMAAAADAAAABgAAAAkAAAABIAMAAABST1cCAAAACgAAAExPTkdfQVJS\
            QVkEAAAAAAEAAAAAAAAAAgAAAAAAAAAEAAAAAAAAAAUAAAAAAAAADgAAAFZBUklBQkxFX1dJRFRIBAAAAAIAAAAEAAAABgAAAAgAAAAA\
            CAAAAG4xbjJuNG41BQAAAAAAAAABAAAAAgAAAAIAAAADAAAABAAAAAEgAwAAAE1BUA4AAABWQVJJQUJMRV9XSURUSAQAAAACAAAABAAA\
            AAYAAAAIAAAAAAgAAABrMWsyazRrNQoAAABMT05HX0FSUkFZBAAAAAGAAgAAAAAAAAAEAAAAAAAAAAUAAAAAAAAACAAAAAAAAAD/////\
            AAAAAP////8AAAAA//////////8AAAAABQAAAAAAAAABAAAAAgAAAAIAAAADAAAABAAAAAEgBQAAAEFSUkFZAwAAAFJPVwIAAAAFAAAA\
            QVJSQVkJAAAASU5UX0FSUkFZBAAAAAABAAAAAgAAAAQAAAAFAAAABAAAAAAAAAABAAAAAgAAAAMAAAAEAAAAAA4AAABWQVJJQUJMRV9X\
            SURUSAQAAAAAAAAAAAAAAAAAAAAAAAAAAfAAAAAABAAAAAAAAAABAAAAAgAAAAMAAAAEAAAAAAUAAAAAAAAAAQAAAAIAAAACAAAAAwAA\
            AAQAAAABIA==",
        rows: &[
            "[1, null, 7] | {a: 1, b: n1} | {k1: null} | [{a: [1], b: null}]",
            "[] | {a: 2, b: n2} | {k2: 2} | [{a: [2], b: null}]",
            "null | null | null | null",
            "[4, null, 7] | {a: 4, b: n4} | {k4: 4} | [{a: [4], b: null}]",
            "[5, null, 7] | {a: 5, b: n5} | {k5: 5} | [{a: [5], b: null}]",
        ],
    },
    Recorded {
        name: "what only JSON has as text",
        types: &["uuid", "ipaddress", "ipprefix"],
        page: "BQAAAAAkAQAAJAEAAAAAAAAAAAAAAwAAAAwAAABJTlQxMjhfQVJSQVkFAAAAASDpEYZ10h8VElFaCOSGKp6P6RGGddIfFRJSWgjkhiqe\
            j+kRhnXSHxUSVFoI5IYqno/pEYZ10h8VElVaCOSGKp6PDAAAAElOVDEyOF9BUlJBWQUAAAABIAAAAAAAAAAAAAD//woAAAEgAQ24AAAA\
            AAAAAAAAAAACIAENuAAAAAAAAAAAAAAABCABDbgAAAAAAAAAAAAAAAUOAAAAVkFSSUFCTEVfV0lEVEgFAAAAEQAAACIAAAAiAAAAMwAA\
            AEQAAAABIEQAAAAAAAAAAAAAAAAA//8KAAAACCABAAAAAAAAAAAAAAAAAAAQIAENuAAAAAAAAAAAAAAAACAgAQ24AAAAAAAAAAAAAAAA\
            KA==",
        rows: &[
            "12151fd2-7586-11e9-8f9e-2a86e4085a51 | 10.0.0.1 | 10.0.0.0/8",
            "12151fd2-7586-11e9-8f9e-2a86e4085a52 | 2001:db8::2 | 2001::/16",
            "null | null | null",
            "12151fd2-7586-11e9-8f9e-2a86e4085a54 | 2001:db8::4 | 2001:db8::/32",
            "12151fd2-7586-11e9-8f9e-2a86e4085a55 | 2001:db8::5 | 2001:db8::/40",
        ],
    },
    Recorded {
        name: "values that are repeated",
        types: &["varchar(4)", "unknown", "varchar(25)", "integer"],
        page: "FAAAAAAzAgAAMwIAAAAAAAAAAAAABAAAAA4AAABWQVJJQUJMRV9XSURUSBQAAAAEAAAACAAAAAwAAAAQAAAAFAAAABgAAAAcAAAAIAAA\
            ACQAAAAoAAAALAAAADAAAAA0AAAAOAAAADwAAABAAAAARAAAAEgAAABMAAAAUAAAAABQAAAAb25jZW9uY2VvbmNlb25jZW9uY2VvbmNl\
            b25jZW9uY2VvbmNlb25jZW9uY2VvbmNlb25jZW9uY2VvbmNlb25jZW9uY2VvbmNlb25jZW9uY2UDAAAAUkxFFAAAAAoAAABCWVRFX0FS\
            UkFZAQAAAAGADgAAAFZBUklBQkxFX1dJRFRIFAAAAAYAAAAMAAAAEgAAABgAAAAfAAAAJgAAAC0AAAA0AAAAOAAAADwAAABAAAAARAAA\
            AEoAAABQAAAAVgAAAFwAAABnAAAAcgAAAH0AAACIAAAAAIgAAABBRlJJQ0FBRlJJQ0FBRlJJQ0FBRlJJQ0FBTUVSSUNBQU1FUklDQUFN\
            RVJJQ0FBTUVSSUNBQVNJQUFTSUFBU0lBQVNJQUVVUk9QRUVVUk9QRUVVUk9QRUVVUk9QRU1JRERMRSBFQVNUTUlERExFIEVBU1RNSURE\
            TEUgRUFTVE1JRERMRSBFQVNUCQAAAElOVF9BUlJBWRQAAAAAAQAAAAIAAAADAAAABAAAAAEAAAACAAAAAwAAAAQAAAABAAAAAgAAAAMA\
            AAAEAAAAAQAAAAIAAAADAAAABAAAAAEAAAACAAAAAwAAAAQAAAA=",
        rows: &[
            "once | null | AFRICA | 1",
            "once | null | AFRICA | 2",
            "once | null | AFRICA | 3",
            "once | null | AFRICA | 4",
            "once | null | AMERICA | 1",
            "once | null | AMERICA | 2",
            "once | null | AMERICA | 3",
            "once | null | AMERICA | 4",
            "once | null | ASIA | 1",
            "once | null | ASIA | 2",
            "once | null | ASIA | 3",
            "once | null | ASIA | 4",
            "once | null | EUROPE | 1",
            "once | null | EUROPE | 2",
            "once | null | EUROPE | 3",
            "once | null | EUROPE | 4",
            "once | null | MIDDLE EAST | 1",
            "once | null | MIDDLE EAST | 2",
            "once | null | MIDDLE EAST | 3",
            "once | null | MIDDLE EAST | 4",
        ],
    },
    Recorded {
        name: "a dictionary",
        types: &["varchar(25)", "integer"],
        page: "DwAAAAAJAQAACQEAAAAAAAAAAAAAAgAAAAoAAABESUNUSU9OQVJZDwAAAA4AAABWQVJJQUJMRV9XSURUSAUAAAAGAAAADQAAABEAAAAX\
            AAAAIgAAAAAiAAAAQUZSSUNBQU1FUklDQUFTSUFFVVJPUEVNSURETEUgRUFTVAAAAAAAAAAAAAAAAAEAAAABAAAAAQAAAAIAAAACAAAA\
            AgAAAAMAAAADAAAAAwAAAAQAAAAEAAAABAAAAGZC/YKKe9S8qikW8PqSFbImAAAAAAAAAAkAAABJTlRfQVJSQVkPAAAAAAEAAAACAAAA\
            AwAAAAEAAAACAAAAAwAAAAEAAAACAAAAAwAAAAEAAAACAAAAAwAAAAEAAAACAAAAAwAAAA==",
        rows: &[
            "AFRICA | 1",
            "AFRICA | 2",
            "AFRICA | 3",
            "AMERICA | 1",
            "AMERICA | 2",
            "AMERICA | 3",
            "ASIA | 1",
            "ASIA | 2",
            "ASIA | 3",
            "EUROPE | 1",
            "EUROPE | 2",
            "EUROPE | 3",
            "MIDDLE EAST | 1",
            "MIDDLE EAST | 2",
            "MIDDLE EAST | 3",
        ],
    },
    Recorded {
        name: "packed, with a checksum",
        types: &["bigint", "varchar(85)"],
        page: "BQAAAAUXAgAAiwAAAMLFPLkAAAAA9wUCAAAACgAAAExPTkdfQVJSQVkFAAEAEwEMAAAnAFIAAAAAAwcAIwAECADyGg4AAABWQVJJQUJM\
            RV9XSURUSAUAAABVAAAAqgAAAP8AAABUAQAAqQEABQDxB3RoZSBzYW1lIHRleHQgb3ZlciBhbmQJAC8sIB0AJQ84ACUPcgAKD1UA51Ag\
            b3Zlcg==",
        rows: &[
            "0 | the same text over and over, the same text over and over, the same text over and over",
            "1 | the same text over and over, the same text over and over, the same text over and over",
            "2 | the same text over and over, the same text over and over, the same text over and over",
            "3 | the same text over and over, the same text over and over, the same text over and over",
            "4 | the same text over and over, the same text over and over, the same text over and over",
        ],
    },
];

"""Posts one delivery exactly as HiveManager does: the raw Basic secret, the headers that were captured.

Tests of other receivers sent Bearer and missed what really comes; nothing here may be made more regular
than it is.
"""

import gzip
from importlib.resources import files

import requests
from urllib3.util import SKIP_HEADER

from presence_receiver.errors import CallFailed
from presence_receiver.http_client.calls import Answer, open_session, parse, send
from presence_receiver.http_client.failures import reason
from presence_receiver.http_client.trace import Trace

# What Java 7 knew: HiveManager lists all of it in every delivery, about two kilobytes.
CHARSETS = """
    big5 big5-hkscs cesu-8 euc-jp euc-kr gb18030 gb2312 gbk ibm-thai ibm00858 ibm01140 ibm01141 ibm01142
    ibm01143 ibm01144 ibm01145 ibm01146 ibm01147 ibm01148 ibm01149 ibm037 ibm1026 ibm1047 ibm273 ibm277
    ibm278 ibm280 ibm284 ibm285 ibm290 ibm297 ibm420 ibm424 ibm437 ibm500 ibm775 ibm850 ibm852 ibm855
    ibm857 ibm860 ibm861 ibm862 ibm863 ibm864 ibm865 ibm866 ibm868 ibm869 ibm870 ibm871 ibm918
    iso-2022-cn iso-2022-jp iso-2022-jp-2 iso-2022-kr iso-8859-1 iso-8859-13 iso-8859-15 iso-8859-2
    iso-8859-3 iso-8859-4 iso-8859-5 iso-8859-6 iso-8859-7 iso-8859-8 iso-8859-9 jis_x0201 jis_x0212-1990
    koi8-r koi8-u shift_jis tis-620 us-ascii utf-16 utf-16be utf-16le utf-32 utf-32be utf-32le utf-8
    windows-1250 windows-1251 windows-1252 windows-1253 windows-1254 windows-1255 windows-1256
    windows-1257 windows-1258 windows-31j x-big5-hkscs-2001 x-big5-solaris x-compound_text x-euc-jp-linux
    x-euc-tw x-eucjp-open x-ibm1006 x-ibm1025 x-ibm1046 x-ibm1097 x-ibm1098 x-ibm1112 x-ibm1122 x-ibm1123
    x-ibm1124 x-ibm1364 x-ibm1381 x-ibm1383 x-ibm300 x-ibm33722 x-ibm737 x-ibm833 x-ibm834 x-ibm856
    x-ibm874 x-ibm875 x-ibm921 x-ibm922 x-ibm930 x-ibm933 x-ibm935 x-ibm937 x-ibm939 x-ibm942 x-ibm942c
    x-ibm943 x-ibm943c x-ibm948 x-ibm949 x-ibm949c x-ibm950 x-ibm964 x-ibm970 x-iscii91 x-iso-2022-cn-cns
    x-iso-2022-cn-gb x-iso-8859-11 x-jis0208 x-jisautodetect x-johab x-macarabic x-maccentraleurope
    x-maccroatian x-maccyrillic x-macdingbat x-macgreek x-machebrew x-maciceland x-macroman x-macromania
    x-macsymbol x-macthai x-macturkish x-macukraine x-ms932_0213 x-ms950-hkscs x-ms950-hkscs-xp
    x-mswin-936 x-pck x-sjis_0213 x-utf-16le-bom x-utf-32be-bom x-utf-32le-bom x-windows-50220
    x-windows-50221 x-windows-874 x-windows-949 x-windows-950 x-windows-iso2022jp"""

HEADERS = {
    "Accept": "text/plain, application/json, application/*+json, */*",
    "Accept-Charset": ", ".join(CHARSETS.split()),
    "Accept-Encoding": SKIP_HEADER,
    "Cache-Control": "no-cache",
    "Connection": "keep-alive",
    "Content-Type": "application/json",
    "Pragma": "no-cache",
    "User-Agent": "Java/1.7.0_80",
}

NO_PLACE = "check the URL; a receiver takes deliveries at /presence."
REMEDIES = {
    401: "give PRESENCE_SECRET, or --secret-file, the value that the receiver has.", 404: NO_PLACE, 405: NO_PLACE,
}
"""What to do about an answer that every delivery sent like this would get, by its status; follows a colon."""


def sample_body() -> bytes:
    """Return the body of a delivery: an array of reports, as captured deliveries are."""
    return (files(__package__) / "sample_delivery.json").read_bytes()


def deliver(url: str, secret: str | None, body: bytes, is_gzipped: bool, timeout: float, trace: Trace) -> Answer:
    """Post a body once; return the receiver's answer, whatever its status, or raise CallFailed where none comes."""
    headers = dict(HEADERS)
    if is_gzipped:
        headers["Content-Encoding"] = "gzip"
        body = gzip.compress(body)
    with open_session({} if secret is None else {"Authorization": f"Basic {secret}"}) as session:
        session.headers.clear()
        try:
            return parse(send(session, "POST", url, timeout, trace, data=body, headers=headers))
        except requests.RequestException as error:
            raise CallFailed(f"{url} does not answer ({reason(error)}): "
                             "check the URL and that the receiver runs.") from None

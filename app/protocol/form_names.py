"""The meaning of form fields by their names: which trait a field has, and which fields must not be stored."""

import re
import unicodedata
from functools import lru_cache
from itertools import accumulate

from app.scoring.strings import comparable, visible, with_ascii_digits, with_plain_punctuation

MAX_NAME_LENGTH = 200  # longer names have no known meaning

# Each trait's usual names, in the form that `squashed` gives.
_USUAL_NAMES = {
    "email": "email mail emailaddress mailaddress emailaddr emailid replyto "
    "emailadresse mailadresse emailadres adresemail "  # German, Dutch, Polish
    "correo correoelectronico direcciondecorreo enderecodeemail "
    "courriel adresseemail adressemail adressecourriel adresseelectronique adressedemessagerie messagerie "
    "indirizzoemail postaelettronica epost epostadress epostadresse sahkoposti "
    "почта электроннаяпочта メール メールアドレス 電子メール 邮箱 电子邮件 電子郵件 이메일 이메일주소",
    "phone": "phone phonenumber phoneno phonenr tel telno telnr telephone telephonenumber telephoneno "
    "mobile mobilephone mobilephonenumber mobilenumber mobileno contactnumber contactno callbacknumber "
    "whatsapp whatsappnumber whatsappno cell cellphone cellnumber "
    "telefon telefonnummer telefonnr rufnummer ruckrufnummer handy handynr handynummer mobil mobiltelefon mobilnummer "
    "telefono numerodetelefono movil celular telefone telemovel numerodetelephone numerotelephone "
    "telefoon telefoonnummer gsm puhelin puhelinnumero телефон номертелефона "
    "電話 電話番号 携帯電話 电话 电话号码 電話號碼 手机 手机号 전화 전화번호 휴대폰 휴대폰번호",
    "first_name": "firstname fname givenname forename vorname prenom nombredepila voornaam",
    "last_name": "lastname lname surname familyname nachname familienname apellido apellidos nomdefamille achternaam",
    "name": "name fullname",
    "company": "company companyname organization organisation organizationname organisationname "
    "firma firmenname unternehmen empresa entreprise nomdelentreprise azienda bedrijf bedrijfsnaam",
}
_BEFORE = (
    "your|my|ihre?|deine?|votre|su|tu|contact|kontakt|user|customer|client|lead|visitor|subscriber|work|business|"
    "personal|primary|main|billing|confirm|confirmation|repeat|retype|verify|form|fields?|input|data|submission|"
    "whatis|whats|please|enter"
)
_AFTER = "field|input|optional|required|pflichtfeld|confirm|confirmation|confirmed|repeat|again|verify|verification|\\d"
# The name of a login or of a business is not the person's name.
_NOT_A_PERSONS_NAME = re.compile(r"(?:user|business|work|billing|client|customer).*name")

# The patterns below are matched against the words of a name, as `words_of` returns them.
_NOT_THE_SENDERS = re.compile(
    r"cc|bcc|to|(?:.* )?(?:recipient|send ?to|mail ?to|friend|colleague|refer|invite|emergency|fax|telefax)\w*(?: .*)?"
)
# `pin code` is a postal code, and `palabra clave` a keyword.
_SECRET_WORDS = re.compile(
    r"\b(?:pass|pw|\w*pwd|(?:new|old|user|login|my|your|txt|input|confirm|repeat|re|current|admin|form)+(?:pass|pw)|"
    r"pin(?! code)|mdp|(?<!palabra )clave|csc|cvn|cvc|cvv|ccn|pan(?= n| \d|$)|iban|ssn|otp|"
    r"(?:cc|\w*card|\w*karten?) ?(?:number|num|no|nr|nummer|code|exp|expiry|expiration|expires|csc|pin)|"
    r"(?:v|verify|verification|verif) ?code)\b"
)
# Long enough to match anywhere in a name, however its words are split.
_NEVER_KEPT = (
    "password passwd passphrase passcode passwort kennwort motdepasse contrasena wachtwoord пароль senha haslo hasło "
    "losenord passord adgangskode salasana jelszo heslo sifre matkhau 密码 密碼 パスワード 暗証番号 비밀번호 암호 "
    "captcha cptch kaptcha turnstile csrf xsrf antiforgery verificationtoken viewstate eventvalidation "
    "cardnumber creditcard kreditkarte kartennummer kortnummer kaartnummer カード番号 卡号 numerotarjeta "
    "numerodetarjeta numerodecarte numerodocartao numerocarta ccnumber ccnum ccexp cccsc securitycode socialsecurity"
)
_WORD_ENDS = re.compile(
    r"(?<=[^\W\d_A-Z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])"
)  # as in `txtEmail`, `PINCode`, `pass1`, `2nd`
_WORD = re.compile(r"[^\W_]+")
_LAST_KEY = re.compile(r"[\[.]([^\[\].]+)\]?$")
# The issuers' prefixes and lengths. None begins with 1, unlike times in milliseconds.
_CARD_NUMBER = re.compile(
    r"4\d{12}(?:\d{3}){0,2}|5\d{12,18}|2[2-7]\d{14}|3[0689]\d{12}|3[47]\d{13}|35\d{14}|6\d{12,18}"
)
_DIGIT_GROUPS = re.compile(r"\s*\d{4,}(?:[\s./_-]+\d+)*[\s./_-]*")
_DIGITS = re.compile(r"\d+")
_NUMBERED_THING = re.compile(
    r"\b(?:u?u?id|order|invoice|tracking|reference|ref|serial|imei|iccid|ticket|shipment|parcel|customer|gtin|ean|"
    r"(?:bestell|auftrags|rechnungs|kunden|sendungs|serien)\w*)\b"
)
_MAX_CARD_LENGTH = 40
_MAX_END_WORDS = 8  # how many words at the end of a name are compared with the usual names


@lru_cache(maxsize=4096)
def squashed(name: str) -> str:
    """A name's letters and digits, without case and accents: `E-Mail *`, `e_mail` and `eMail` are equal."""
    return "".join(each for each in _without_accents(name) if each.isalnum())


@lru_cache(maxsize=4096)
def words_of(name: str) -> str:
    """The words of a name, separated by spaces, without case and accents: `txtEMail_2` is `txt e mail 2`."""
    return " ".join(_WORD.findall(_without_accents(_WORD_ENDS.sub(" ", visible(name)))))


def _without_accents(name: str) -> str:
    decomposed = unicodedata.normalize("NFKD", comparable(name))
    return "".join(each for each in decomposed if not unicodedata.combining(each))


def trait_of(name: str) -> str | None:
    """The trait that a field with this name usually has: `email`, `phone`, a name or `company`.

    A key in brackets (`contact[email]`) or after a dot counts too, but only for `email` and `phone`: `product[name]` is
    not a person's name.
    """
    if len(name) > MAX_NAME_LENGTH:
        return None
    key = _LAST_KEY.search(name)
    return _usual_trait(squashed(name)) or (_usual_contact(squashed(key[1])) if key else None)


@lru_cache(maxsize=4096)
def contact_of(name: str) -> str | None:
    """`email` or `phone` for a name that ends as that field is usually called: `txtEmail`, `newsletter_email`."""
    words = words_of(name).split()[-_MAX_END_WORDS:] if len(name) <= MAX_NAME_LENGTH and is_senders(name) else []
    ends = ("".join(words[index:]) for index in range(len(words)))
    return next(filter(None, map(_usual_contact, ends)), None)


def is_kept(name: str) -> bool:
    """Whether a field with this name is stored.

    Passwords, captchas and tokens are not, nor are names with a leading underscore, which sites use internally.
    """
    if len(name) > MAX_NAME_LENGTH:
        return True
    if name.startswith("_") and _usual_contact(squashed(name)) is None:
        return False
    return _SECRET_WORDS.search(words_of(name)) is None and _SECRET.search(squashed(name)) is None


def is_card_number(value: str, name: str) -> bool:
    """Whether a value is a payment card number: 13 to 19 digits, the last of them the Luhn check digit.

    Its digits may be in groups, and an expiry date and a security code may follow. Fields named as phone numbers, ids
    or order numbers never match, because their values can look the same.
    """
    text = with_ascii_digits(visible(with_plain_punctuation(value))) if len(value) <= _MAX_CARD_LENGTH else ""
    if not _DIGIT_GROUPS.fullmatch(text) or _NUMBERED_THING.search(words_of(name)):
        return False
    if "phone" in (trait_of(name), contact_of(name)):
        return False
    beginnings = accumulate(_DIGITS.findall(text))
    return any(_CARD_NUMBER.fullmatch(digits) and _luhn_sum(digits) % 10 == 0 for digits in beginnings)


def is_senders(name: str) -> bool:
    """Whether a contact in a field with this name may belong to the person who fills in the form."""
    return len(name) > MAX_NAME_LENGTH or not _NOT_THE_SENDERS.fullmatch(words_of(name))


@lru_cache(maxsize=4096)
def _usual_trait(key: str) -> str | None:
    match = _USUAL.fullmatch(key)
    if match is None or (match.lastgroup == "name" and _NOT_A_PERSONS_NAME.fullmatch(key)):
        return None
    return match.lastgroup


def _usual_contact(key: str) -> str | None:
    trait = _usual_trait(key)
    return trait if trait in ("email", "phone") else None


def _luhn_sum(digits: str) -> int:
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return sum(map(int, digits[::-2])) + sum(doubled)


def _usual_names() -> re.Pattern[str]:
    groups = (f"(?P<{trait}>{'|'.join(map(squashed, names.split()))})" for trait, names in _USUAL_NAMES.items())
    return re.compile(f"(?:{_BEFORE})*(?:{'|'.join(groups)})(?:{_AFTER})*")


def _secrets() -> re.Pattern[str]:
    terms = "|".join(map(squashed, _NEVER_KEPT.split()))
    return re.compile(rf"{terms}|(?:token|nonce|cvc2?|cvv2?|altcha)$|^(?:utf8$|formname$|gform)")


_USUAL = _usual_names()
_SECRET = _secrets()

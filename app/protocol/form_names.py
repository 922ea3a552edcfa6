"""What the names of a form's fields say: which field holds the address, and which are nobody's business here."""

import re
import unicodedata
from functools import lru_cache

from app.scoring.strings import comparable

MAX_NAME_LENGTH = 200  # a longer name says nothing that is known here

# Each trait's usual names, as `squashed` writes them.
_USUAL_NAMES = {
    "email": "email mail emailaddress mailaddress emailaddr emailid replyto "
    "emailadresse mailadresse emailadres adresemail "  # German, Dutch, Polish
    "correo correoelectronico direcciondecorreo enderecodeemail "
    "courriel adresseemail adressemail adressecourriel adresseelectronique "
    "indirizzoemail postaelettronica epost epostadress epostadresse sahkoposti "
    "почта электроннаяпочта メール メールアドレス 邮箱 电子邮件",
    "phone": "phone phonenumber phoneno tel telno telephone telephonenumber mobile mobilephone mobilenumber mobileno "
    "cell cellphone cellnumber telefon telefonnummer rufnummer handy handynummer mobil mobiltelefon mobilnummer "
    "telefono numerodetelefono movil celular telefone telemovel numerodetelephone numerotelephone "
    "telefoon telefoonnummer gsm puhelin puhelinnumero телефон 電話番号 电话 手机",
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
# A login's name or a business's is not the person's.
_NOBODYS_NAME = re.compile(r"(?:user|business|work|billing|client|customer).*name")

_NOT_THE_SENDERS = re.compile(r"cc|bcc|to|(?:recipient|sendto|mailto|friend|colleague|refer).*")
_SECRET = re.compile(
    ".*(?:password|passwd|passphrase|passcode|passwort|kennwort|motdepasse|contrasena|wachtwoord|пароль|senha|"
    "captcha|turnstile|csrf|xsrf|antiforgery|verificationtoken|viewstate|eventvalidation|"
    "cardnumber|cardno|cardnum|creditcard|kreditkarte|kartennummer|ccnumber|ccnum|ccexp|cccsc|securitycode|"
    "socialsecurity).*|.*(?:token|nonce|cvc2?|cvv2?|altcha)|utf8|formname|gform.*"
)
_SECRET_WORDS = frozenset({"pass", "pwd", "csc", "cvn", "iban", "ssn", "otp"})
_WORD = re.compile(r"[^\W_]+")
_LAST_KEY = re.compile(r"[\[.]([^\[\].]+)\]?$")
_CARD_NUMBER = re.compile(r"[2-6]\d{12,18}")  # no card begins with 1, as times in milliseconds do
_MAX_CARD_LENGTH = 40


@lru_cache(maxsize=4096)
def squashed(name: str) -> str:
    """The letters and digits of a name alone, without case and accents: `E-Mail *`, `e_mail` and `eMail` are one."""
    return "".join(each for each in unicodedata.normalize("NFKD", comparable(name)) if each.isalnum())


def trait_of(name: str) -> str | None:
    """The trait that a field of this name usually holds: an address, a number, a name or a company.

    A key within brackets (`contact[email]`) or behind a dot counts too, though only for an address or a number: the
    name of a product is nobody's.
    """
    if len(name) > MAX_NAME_LENGTH:
        return None
    key = _LAST_KEY.search(name)
    return _usual_trait(squashed(name)) or (_usual_contact(squashed(key[1])) if key else None)


def is_kept(name: str) -> bool:
    """Whether a field of this name is an answer.

    Secrets, captchas, tokens and what begins with an underscore, which is the site's own plumbing, are not.
    """
    if len(name) > MAX_NAME_LENGTH:
        return True
    if name.startswith("_") and _usual_contact(squashed(name)) is None:
        return False
    words = _WORD.findall(comparable(name).replace("_", " "))
    return _SECRET_WORDS.isdisjoint(words) and not _SECRET.fullmatch(squashed(name))


def is_card_number(value: str, name: str) -> bool:
    """Whether a value is the number of a payment card: 13 to 19 digits, of which the last is Luhn's check digit.

    Telephone numbers and ids may look like one.
    """
    if len(value) > _MAX_CARD_LENGTH or trait_of(name) == "phone" or squashed(name[-2:]) == "id":
        return False
    digits = value.translate(_CARD_SEPARATORS)
    return _CARD_NUMBER.fullmatch(digits) is not None and digits.isascii() and _luhn_sum(digits) % 10 == 0


def is_senders(name: str) -> bool:
    """Whether an address in a field of this name may be that of whoever fills in the form."""
    return len(name) > MAX_NAME_LENGTH or not _NOT_THE_SENDERS.fullmatch(squashed(name))


@lru_cache(maxsize=4096)
def _usual_trait(key: str) -> str | None:
    found = _USUAL.fullmatch(key)
    if found is None or (found.lastgroup == "name" and _NOBODYS_NAME.fullmatch(key)):
        return None
    return found.lastgroup


def _usual_contact(key: str) -> str | None:
    trait = _usual_trait(key)
    return trait if trait in ("email", "phone") else None


def _luhn_sum(digits: str) -> int:
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return sum(map(int, digits[::-2])) + sum(doubled)


def _usual_names() -> re.Pattern[str]:
    groups = (f"(?P<{trait}>{'|'.join(map(squashed, names.split()))})" for trait, names in _USUAL_NAMES.items())
    return re.compile(f"(?:{_BEFORE})*(?:{'|'.join(groups)})(?:{_AFTER})*")


_USUAL = _usual_names()
_CARD_SEPARATORS = {ord(" "): None, ord("-"): None, ord("\u00a0"): None}

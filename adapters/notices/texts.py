"""The words of every notice in English: also the keys under which the catalogues have the other languages.

Each says what happened, what to do, and how to object. A text message (`sms`) says the same in one breath, without links:
a thief's message has one, ours never does. Change any word, and its version goes up: tests/notices/wording.json says so.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from models.names import NoticeTemplate as Template


class Words(NamedTuple):
    """One notice. `{company}`, `{help}` and `{reference}` are always there; the others come from the notice's fields."""

    subject: str
    happened: str
    todo: str
    objecting: str
    sms: str


class Notice(NamedTuple):
    """A template: its version, and its words; where `by` names a field, its value chooses among them."""

    version: int
    words: dict[str, Words]
    by: str | None = None
    figures: bool = False
    """Whether it lists how the money stands, where its fields say so (figures.py has the words)."""


TEXTS: Final[dict[Template, Notice]] = {
    Template.ACCOUNT_FROZEN: Notice(
        1,
        by="scope",
        words={
            "full": Words(
                "Your account is frozen",
                "We have reason to believe that somebody else got into your account, so we froze it on {at}. Until this "
                "is settled no money leaves, nobody can log in, and no security setting can be changed. Your money stays "
                "where it is.",
                "We send one-time codes to the phone numbers and email addresses you had before. Have them at hand: with "
                "them you prove that the account is yours. Never tell a code or a password to anybody who calls or "
                "writes to you: we do not ask for them.",
                "If everything on the account was done by yourself, tell our help line ({help}) and name reference "
                "{reference}. You prove who you are, and two of our people lift the freeze.",
                "{company}: account frozen on {at}. No money leaves, no login. Codes follow; never tell them to a caller. "
                "All was you? Help line: {help}, ref. {reference}",
            ),
            "outgoing": Words(
                "Your account is protected while we check a report",
                "Somebody reported that your account was stolen. Since {at} no money leaves and no security setting can be "
                "changed; you can still log in and look.",
                "We send one-time codes to the phone numbers and email addresses you had before. With them you prove that "
                "the account is yours. Never tell a code or a password to anybody who calls or writes to you: we do not "
                "ask for them.",
                "If you did not report anything, tell our help line ({help}) and name reference {reference}. If nobody "
                "proves the report, this protection ends by itself.",
                "{company}: a report says your account was stolen. Since {at} no money leaves; codes follow. Not reported "
                "by you? Help line: {help}, ref. {reference}",
            ),
        },
    ),
    Template.IDENTITY_ASKED: Notice(
        1,
        {
            "": Words(
                "We are sending you codes",
                "Somebody asks for your account as its owner. To see that it is you, we send one-time codes to the "
                "contacts you had before the account was misused.",
                "Enter each code where you reported the theft. Never tell a code or a password to anybody who calls or "
                "writes to you: we do not ask for them.",
                "If you did not ask for the account, do not use the codes. Tell our help line ({help}) and name reference "
                "{reference}.",
                "{company}: codes to prove that the account is yours are on their way. Tell them to nobody. Did not ask? "
                "Help line: {help}, ref. {reference}",
            )
        },
    ),
    Template.IDENTITY_DENIED: Notice(
        1,
        {
            "": Words(
                "We could not see yet that the account is yours",
                "The codes we sent were not answered in time, or not rightly. Your account stays frozen, and your money "
                "stays where it is.",
                "Call our help line ({help}) and name reference {reference}. Our people have other ways to see that it is "
                "you.",
                "If you think that we are wrong, say so on the same line: another of our people looks at it.",
                "{company}: we could not see yet that the account is yours. It stays frozen. Help line: {help}, ref. "
                "{reference}",
            )
        },
    ),
    Template.IMPOSTOR_ATTEMPT: Notice(
        1,
        {
            "": Words(
                "Somebody else claimed to be you",
                "Somebody asked for your account and was found not to be its owner. They got nothing. Your account stays "
                "frozen, and your money stays where it is.",
                "Call our help line ({help}) and name reference {reference}, so that we can give the account back to you. "
                "Look whether your phone still has its number and nobody reads your email.",
                "If it was you who asked, say so on the same line: another of our people looks at it again.",
                "{company}: somebody claimed to be you and got nothing. Your account stays frozen. Please call our help "
                "line: {help}, ref. {reference}",
            )
        },
    ),
    Template.CREDENTIAL_RENEWED: Notice(
        1,
        {
            "": Words(
                "Your wallet has a new password",
                "A new password was set for your wallet, after codes or a link on contacts that you have had for long. Every "
                "login was ended; you log in again with the new password.",
                "If it was you, there is nothing more to do. Look once at what changed in your wallet lately: a device, a "
                "payee or a number that you do not know is a sign of somebody else.",
                "If it was not you, call our help line ({help}) at once and name reference {reference}: we stop the account.",
                "{company}: a new password was set for your wallet and every login was ended. Not you? Call our help line at "
                "once: {help}, ref. {reference}",
            )
        },
    ),
    Template.SECURITY_RESET: Notice(
        1,
        {
            "": Words(
                "Your security settings were reset",
                "Every security setting of your account was reset to what it was before the misuse: password, logins, "
                "devices, contacts, payees, cards, limits and the rest.",
                "Set a new password when we ask you to, one that you use nowhere else, and add again only what you "
                "know.",
                "If you miss something or see something strange, tell our help line ({help}) and name reference "
                "{reference}.",
                "{company}: all security settings of your account were reset. Something strange? Help line: {help}, ref. "
                "{reference}",
            )
        },
    ),
    Template.STAGE_ENTERED: Notice(
        1,
        {
            "": Words(
                "Your account comes back: stage {number} of {count}",
                "Your account is in stage {number} of {count} of its return. Some limits stand until {ends_at}; then the "
                "next step comes by itself.",
                "Use the account as far as it allows. Nobody can shorten this time, not even our people: it keeps a thief "
                "from trying at once again.",
                "If you see anything on the account that was not you, tell our help line ({help}) at once and name "
                "reference {reference}: we freeze it again.",
                "{company}: your account comes back, stage {number} of {count}, limits until {ends_at}. Something not "
                "yours? Help line: {help}, ref. {reference}",
            )
        },
    ),
    Template.LADDER_RESTARTED: Notice(
        1,
        {
            "": Words(
                "A setting was changed: the stages begin again",
                "While your account was coming back to you in stages, a security setting of it was changed. To be safe, the "
                "stages begin again; they end on {ends_at} if nothing else is changed.",
                "If you changed it yourself, nothing is needed. Change no password, device, phone number, email or limit "
                "until the stages are over.",
                "If it was not you, tell our help line ({help}) at once and name reference {reference}: we freeze the account "
                "again.",
                "{company}: a security setting of your account was changed, so the stages begin again, until {ends_at}. Not "
                "you? Help line at once: {help}, ref. {reference}",
            )
        },
    ),
    Template.ACCOUNT_WHOLE: Notice(
        1,
        {
            "": Words(
                "Your account is whole again",
                "The last limits on your account were lifted. You can use it as before.",
                "Look through payees, devices and limits once more, and keep only what you know.",
                "If you see anything that was not you, tell our help line ({help}) at once and name reference "
                "{reference}.",
                "{company}: the last limits are lifted, your account is whole again. Something not yours? Help line: "
                "{help}, ref. {reference}",
            )
        },
    ),
    Template.INCIDENT_CLOSED: Notice(
        3,
        by="outcome",
        figures=True,
        words={
            "restored": Words(
                "Your case is closed: the account is yours again",
                "You proved that the account is yours, every security setting was renewed, and the account came back to "
                "you in stages. The case is closed.",
                "Nothing more is needed. If you like, rate our help from 1 to 5 in the wallet app, with the code {rating}; we "
                "ask only this once.",
                "If money is still missing or something is wrong, tell our help line ({help}) and name reference "
                "{reference}: we open the case again.",
                "{company}: your case is closed, the account is yours again. Rate our help from 1 to 5 if you like, code "
                "{rating}. Help line: {help}, ref. {reference}",
            ),
            "false_alarm": Words(
                "Your case is closed: a false alarm",
                "You proved that the account is yours and said that everything was done by yourself. The freeze is lifted, "
                "and the case is closed.",
                "Nothing more is needed. If you like, rate our help from 1 to 5 in the wallet app, with the code {rating}; we "
                "ask only this once.",
                "If you did not say that, tell our help line ({help}) at once and name reference {reference}: we freeze the "
                "account again.",
                "{company}: your case is closed as a false alarm, the freeze is lifted. You did not say that? Help line: "
                "{help}, ref. {reference}",
            ),
            "released": Words(
                "Your case is closed: the freeze has ended",
                "The freeze of your account has ended, and the case is closed.",
                "Look through your account. If you like, rate our help from 1 to 5 in the wallet app, with the code {rating}; "
                "we ask only this once.",
                "If somebody else got into your account, tell our help line ({help}) at once and name reference "
                "{reference}: we freeze it again.",
                "{company}: the freeze has ended and your case is closed. Somebody else in your account? Help line: {help}, "
                "ref. {reference}",
            ),
            "impostor": Words(
                "A case on your account is closed",
                "Somebody else claimed to be you. They got nothing, and this case is closed.",
                "Call our help line ({help}) and name reference {reference} if your account does not work as you expect. If "
                "you like, rate our help from 1 to 5 in the wallet app, with the code {rating}; we ask only this once.",
                "If you think that we are wrong, say so on the same line: another of our people looks at it.",
                "{company}: the case of somebody who claimed to be you is closed. Questions? Help line: {help}, ref. "
                "{reference}",
            ),
            "not_frozen": Words(
                "Your case is closed without a freeze",
                "A new alarm came for your account, and it could not be frozen again. Our people looked at it; the case is "
                "closed, and the limits that were left are lifted.",
                "Look through your account. If you like, rate our help from 1 to 5 in the wallet app, with the code {rating}; "
                "we ask only this once.",
                "If somebody else got into your account, tell our help line ({help}) at once and name reference "
                "{reference}.",
                "{company}: your account could not be frozen again, and the case is closed. Somebody else in it? Help line at "
                "once: {help}, ref. {reference}",
            ),
            "account_closed": Words(
                "Your case and your account are closed",
                "As you wished, your account was closed, and so is the case.",
                "Nothing more is needed. If you like, rate our help from 1 to 5 in the wallet app, with the code {rating}; we "
                "ask only this once.",
                "If you did not wish that, tell our help line ({help}) at once and name reference {reference}.",
                "{company}: your account was closed as you wished, and so is your case. Not your wish? Help line: {help}, "
                "ref. {reference}",
            ),
        },
    ),
    Template.FREEZE_LAPSED: Notice(
        1,
        {
            "": Words(
                "The freeze of your account has ended",
                "Nobody proved the report that your account was stolen, so the freeze has ended by itself. The account "
                "works as before.",
                "If all is well, nothing is needed. Look through payees, devices and limits, and keep only what you know.",
                "If your account was stolen, report it again ({help}) and name reference {reference}: have the phone or the "
                "email at hand that you used before, for the codes.",
                "{company}: nobody proved the report of theft, so the freeze has ended. Stolen after all? Help line: {help}, "
                "ref. {reference}",
            )
        },
    ),
    Template.MONEY_HELD: Notice(
        2,
        by="state",
        words={
            "held": Words(
                "{amount} on your account are held",
                "Money that was reported stolen came to your account. {amount} of it are held until {until}; the rest of "
                "your money is free. This says nothing about your part in it.",
                "If you sold something for it or know the sender, keep the proof: invoices, messages, delivery slips.",
                "You can object to the hold: tell our help line ({help}), name reference {reference} and hand in your "
                "proof. People look at it who did not place the hold.",
                "{company}: {amount} on your account are held until {until}; they were reported stolen elsewhere. To object: "
                "{help}, ref. {reference}",
            ),
            "released": Words(
                "{amount} on your account were held and are free again",
                "Money that was reported stolen came to your account. {amount} of it were held, and the law did not let us "
                "tell you at once. The hold has ended, and the money is free.",
                "Nothing is needed.",
                "If the money is not free within a day, or the hold did you harm, tell our help line ({help}) and name "
                "reference {reference}.",
                "{company}: {amount} on your account were held because they were reported stolen; the hold has ended. "
                "Questions: {help}, ref. {reference}",
            ),
            "given_back": Words(
                "{amount} that came to your account went back to their owner",
                "Money that was reported stolen came to your account. {amount} of it were held, and the law did not let us "
                "tell you at once. They were given back to the person they were stolen from.",
                "If you sold something for it or know the sender, keep the proof: invoices, messages, delivery slips.",
                "If you do not agree, complain to our help line ({help}), name reference {reference} and hand in your proof; "
                "you may also turn to the ombudsman or a court.",
                "{company}: {amount} that came to your account were stolen and went back to their owner. To complain: {help}, "
                "ref. {reference}",
            ),
        },
    ),
    Template.OBJECTION_RECEIVED: Notice(
        1,
        {
            "": Words(
                "We have your objection",
                "Your objection to the hold of {amount} reached us. The money stays held until it is decided.",
                "Hand in what proves your side, if you have not yet: invoices, messages, delivery slips.",
                "If you did not object, or want to add something, tell our help line ({help}) and name reference "
                "{reference}.",
                "{company}: we have your objection to the hold of {amount} and will decide. To add something: {help}, ref. "
                "{reference}",
            )
        },
    ),
    Template.OBJECTION_DECIDED: Notice(
        1,
        by="decision",
        words={
            "upheld": Words(
                "Your objection was right: the hold ends",
                "We looked at your objection. The hold of {amount} ends, and the money is free.",
                "Nothing more is needed.",
                "If the money is not free within a day, tell our help line ({help}) and name reference {reference}.",
                "{company}: your objection was right, the hold of {amount} ends. Not free within a day? Help line: {help}, "
                "ref. {reference}",
            ),
            "rejected": Words(
                "Your objection was not accepted",
                "We looked at your objection. The hold of {amount} stays, because what was handed in does not show that "
                "the money is yours.",
                "If you have more proof, hand it in: it is looked at again.",
                "If you do not agree, complain to our help line ({help}) and name reference {reference}; you may also turn "
                "to the ombudsman or a court.",
                "{company}: your objection was not accepted, the hold of {amount} stays. To complain: {help}, ref. "
                "{reference}",
            ),
        },
    ),
    Template.RESTITUTION_DONE: Notice(
        1,
        {
            "": Words(
                "{amount} came back to you",
                "Of the money stolen from you, {amount} were given back to your account.",
                "Nothing is needed. We go on looking for what is still missing, and tell you when more comes back.",
                "If the sum is not what you expect, tell our help line ({help}) and name reference {reference}.",
                "{company}: {amount} of the stolen money came back to your account. Not what you expect? Help line: {help}, "
                "ref. {reference}",
            )
        },
    ),
}

WHAT_HAPPENED: Final = "What happened"
WHAT_TO_DO: Final = "What to do"
HOW_TO_OBJECT: Final = "If this is wrong"
FOOT: Final = "Reference {reference}. Notices like this one never carry links."
HELP: Final = "the number in your wallet app"
"""Where the house has not set its help line."""

AROUND: Final = (WHAT_HAPPENED, WHAT_TO_DO, HOW_TO_OBJECT, FOOT, HELP)
"""The words that every notice shares."""

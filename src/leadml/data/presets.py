"""Header names of the exports people have: HubSpot, Salesforce, Dynamics 365, and the usual ones.

Labels as the web pages export them and names as the programming interfaces do are both known;
case, blanks and punctuation do not matter. Taken from the vendors' property and field references:
knowledge.hubspot.com (default contact and deal properties), developer.salesforce.com (Lead and
Opportunity in the field reference), learn.microsoft.com (Lead and Opportunity tables); leads and
opportunities exported from Dynamics to Excel carry ``(Do Not Modify)`` columns.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

Names = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Preset:
    """What one kind of export calls things.

    Attributes
    ----------
    name : str
        The kind of export.
    marks : tuple of str
        Headers that only this kind has.
    columns : dict
        Key of ``[leads]`` -> header names, the best first.
    won, lost : tuple of str
        Values of the outcome column beyond the usual words.
    later : tuple of str
        Headers of columns that are filled in or changed after the hand-off: never a feature.
    note : str
        What to know about such an export.
    """

    name: str
    marks: Names
    columns: Mapping[str, Names]
    won: Names = ()
    lost: Names = ()
    later: Names = ()
    note: str = field(default="")


_QUALIFIED = "Qualified means taken over by sales, not sold: opportunities tell what was sold"
_PLANNED = "the closing date of an opportunity that is still open is only planned"

PRESETS = (
    Preset(
        name="HubSpot contacts",
        marks=("Lifecycle Stage", "lifecyclestage", "hs_lead_status", "hs_analytics_source",
               "Original Source", "Original Traffic Source", "Contact owner",
               "Record ID - Contact", "Became a Sales Qualified Lead Date"),
        columns={
            "id": ("Record ID", "Record ID - Contact", "Contact ID", "hs_object_id", "vid"),
            "outcome": ("Lifecycle Stage", "lifecyclestage", "Lead Status", "hs_lead_status"),
            "created_at": ("Create Date", "createdate"),
            "handed_off_at": ("Became a Sales Qualified Lead Date",
                              "hs_lifecyclestage_salesqualifiedlead_date"),
            "followed_up_at": ("First Outreach Date", "hs_first_outreach_date",
                               "Date of first engagement", "First Engagement Date",
                               "hs_sa_first_engagement_date"),
            "closed_at": ("Close Date", "closedate", "Became a Customer Date",
                          "hs_lifecyclestage_customer_date"),
            "qualified_at": ("Became a Marketing Qualified Lead Date",
                             "hs_lifecyclestage_marketingqualifiedlead_date"),
            "account_size": ("Number of Employees", "numemployees", "numberofemployees",
                             "Company size"),
            "account": ("Company Name", "Associated Company", "company"),
            "owner": ("Contact owner", "hubspot_owner_id"),
            "source": ("Original Source", "Original Traffic Source", "hs_analytics_source"),
            "industry": ("Industry", "industry"),
            "amount": ("Recent Deal Amount", "recent_deal_amount", "Total Revenue",
                       "total_revenue"),
            "points": ("HubSpot Score", "hubspotscore"),
        },
        won=("customer", "evangelist"),
        later=("Became a Customer Date", "hs_lifecyclestage_customer_date",
               "Became an Opportunity Date", "hs_lifecyclestage_opportunity_date",
               "Became an Evangelist Date", "First Deal Created Date", "first_deal_created_date",
               "Number of Associated Deals", "num_associated_deals", "Associated Deals",
               "Associated Deal", "Recent Deal Amount", "Recent Deal Close Date",
               "Total Revenue", "Days To Close", "days_to_close", "Last Modified Date",
               "lastmodifieddate", "Last Activity Date", "notes_last_updated",
               "Last Contacted", "notes_last_contacted", "Next Activity Date",
               "Number of times contacted", "num_contacted_notes",
               "Number of Sales Activities", "num_notes", "Lifecycle Stage", "Lead Status",
               "hs_lead_status", "Likelihood to close", "Contact priority"),
    ),
    Preset(
        name="HubSpot deals",
        marks=("Deal Stage", "dealstage", "Deal Name", "dealname", "Deal owner"),
        columns={
            "id": ("Record ID", "Record ID - Deal", "Deal ID", "hs_object_id"),
            "outcome": ("Deal Stage", "dealstage"),
            "created_at": ("Create Date", "createdate"),
            "closed_at": ("Close Date", "closedate"),
            "account": ("Associated Company", "Associated Company (Primary)", "Company Name"),
            "owner": ("Deal owner", "hubspot_owner_id"),
            "source": ("Original Source Type", "Original Traffic Source",
                       "hs_analytics_source"),
            "industry": ("Industry", "industry"),
            "amount": ("Amount", "amount", "Amount in company currency"),
        },
        later=("Deal probability", "hs_deal_stage_probability", "Weighted amount",
               "Forecast amount", "Forecast category", "Is Closed Won", "hs_is_closed_won",
               "Is deal closed?", "Is Closed Lost", "hs_is_closed", "Closed Lost Reason",
               "closed_lost_reason", "Closed Won Reason", "closed_won_reason",
               "Days to close", "days_to_close", "Last Modified Date", "hs_lastmodifieddate",
               "Last Activity Date", "notes_last_updated", "Next step", "hs_next_step",
               "Number of Sales Activities", "num_notes", "Closed amount"),
        note=_PLANNED,
    ),
    Preset(
        name="Salesforce opportunities",
        marks=("Opportunity ID", "Opportunity Name", "Opportunity Owner", "StageName",
               "ForecastCategoryName", "Forecast Category", "Probability (%)"),
        columns={
            "id": ("Opportunity ID", "Id"),
            "outcome": ("Stage", "StageName"),
            "created_at": ("Created Date", "CreatedDate"),
            "closed_at": ("Close Date", "CloseDate"),
            "account": ("Account Name", "AccountId", "Account ID"),
            "owner": ("Opportunity Owner", "OwnerId", "Owner ID"),
            "source": ("Lead Source", "LeadSource"),
            "industry": ("Industry",),
            "amount": ("Amount",),
        },
        later=("Probability (%)", "Probability", "Expected Revenue", "ExpectedRevenue",
               "Forecast Category", "ForecastCategory", "ForecastCategoryName",
               "Fiscal Period", "Fiscal", "Age", "Closed", "IsClosed", "Won", "IsWon",
               "Next Step", "NextStep", "Last Activity", "LastActivityDate",
               "Last Modified Date", "LastModifiedDate", "Last Stage Change Date",
               "LastStageChangeDate", "SystemModstamp", "LastViewedDate",
               "LastReferencedDate", "PushCount", "Stage Duration", "IsDeleted"),
        note=_PLANNED,
    ),
    Preset(
        name="Salesforce leads",
        marks=("Lead ID", "Lead Owner", "Company / Account", "IsConverted", "Converted Date",
               "ConvertedDate", "ConvertedOpportunityId", "LeadSource"),
        columns={
            "id": ("Lead ID", "Id"),
            "outcome": ("Lead Status", "Status", "Converted", "IsConverted"),
            "created_at": ("Create Date", "Created Date", "CreatedDate"),
            "followed_up_at": ("First Call Date", "FirstCallDateTime", "First Email Date",
                               "FirstEmailDateTime"),
            "closed_at": ("Converted Date", "ConvertedDate"),
            "account": ("Company / Account", "Company"),
            "owner": ("Lead Owner", "OwnerId", "Owner ID"),
            "source": ("Lead Source", "LeadSource"),
            "industry": ("Industry",),
            "account_size": ("No. of Employees", "Employees", "NumberOfEmployees"),
            "points": ("Lead Score", "Score"),
        },
        won=("Closed - Converted", "Qualified"),
        lost=("Closed - Not Converted", "Unqualified"),
        later=("Converted", "IsConverted", "Converted Account ID", "ConvertedAccountId",
               "Converted Contact ID", "ConvertedContactId", "Converted Opportunity ID",
               "ConvertedOpportunityId", "Opportunity Name", "Opportunity Amount",
               "Last Activity", "LastActivityDate", "Last Modified Date",
               "LastModifiedDate", "SystemModstamp", "LastViewedDate",
               "LastReferencedDate", "Unread By Owner", "IsUnreadByOwner", "IsDeleted",
               "Lead Status", "Status"),
        note=_QUALIFIED,
    ),
    Preset(
        name="Dynamics 365 opportunities",
        marks=("(Do Not Modify) Opportunity", "opportunityid", "Actual Close Date",
               "actualclosedate", "Est. Close Date", "estimatedclosedate", "Actual Revenue"),
        columns={
            "id": ("(Do Not Modify) Opportunity", "opportunityid"),
            "outcome": ("Status", "statecode", "Status Reason", "statuscode"),
            "created_at": ("Created On", "createdon"),
            "closed_at": ("Actual Close Date", "actualclosedate"),
            "account": ("Account", "Potential Customer", "parentaccountid", "customerid"),
            "owner": ("Owner", "ownerid"),
            "source": ("Lead Source", "Source Campaign", "campaignid"),
            "industry": ("Industry", "industrycode"),
            "amount": ("Est. Revenue", "estimatedvalue", "Actual Revenue", "actualvalue"),
        },
        won=("Won",),
        lost=("Lost", "Canceled", "Out-Sold"),
        later=("Actual Revenue", "actualvalue", "Probability", "closeprobability",
               "Est. Close Date", "estimatedclosedate", "Status Reason", "statuscode",
               "Status", "statecode", "Pipeline Phase", "stepname", "Forecast Category",
               "msdyn_forecastcategory", "Modified On", "modifiedon",
               "(Do Not Modify) Modified On", "(Do Not Modify) Row Checksum"),
    ),
    Preset(
        name="Dynamics 365 leads",
        marks=("(Do Not Modify) Lead", "leadid", "leadsourcecode", "leadqualitycode",
               "estimatedamount"),
        columns={
            "id": ("(Do Not Modify) Lead", "leadid"),
            "outcome": ("Status", "statecode", "Status Reason", "statuscode"),
            "created_at": ("Created On", "createdon"),
            "account": ("Company Name", "companyname"),
            "owner": ("Owner", "ownerid"),
            "source": ("Lead Source", "leadsourcecode"),
            "industry": ("Industry", "industrycode"),
            "account_size": ("No. of Employees", "numberofemployees"),
            "amount": ("Est. Value", "estimatedamount"),
            "points": ("Lead Score", "msdyn_leadscore"),
        },
        won=("Qualified",),
        lost=("Disqualified", "Lost", "Cannot Contact", "No Longer Interested", "Canceled"),
        later=("Status Reason", "statuscode", "Status", "statecode", "Modified On",
               "modifiedon", "(Do Not Modify) Modified On", "(Do Not Modify) Row Checksum"),
        note=_QUALIFIED,
    ),
)  # fmt: skip

USUAL = {
    "id": ("lead_id", "id", "record_id", "contact_id", "opportunity_id", "deal_id", "case_id",
           "uuid", "guid", "Lead-Nr", "Leadnummer", "Vorgangsnummer"),
    "outcome": ("outcome", "stage", "status", "deal_stage", "lead_status", "lead_stage", "result",
                "won", "is_won", "closed_won", "converted", "is_converted", "conversion",
                "purchased", "bought", "subscribed", "revenue", "target", "label", "y",
                "Ergebnis", "Phase", "Statut", "Résultat", "Étape", "Estado", "Resultado",
                "Etapa"),
    "created_at": ("created_at", "created", "created_on", "created_date", "create_date",
                   "creation_date", "date_created", "date_entered", "registered_at", "reg_date",
                   "registration_date", "submitted_at", "received_at", "lead_date",
                   "inquiry_date", "Erstellt am", "Erstellt", "Erstelldatum",
                   "Erstellungsdatum", "Angelegt am", "Anlagedatum", "Erfasst am",
                   "Erfassungsdatum", "Eingegangen am", "Eingangsdatum", "Anfragedatum",
                   "Créé le", "Date de création", "Creado el", "Fecha de creación"),
    "handed_off_at": ("handed_off_at", "handoff_at", "handoff_date",
                      "handover_date", "passed_to_sales_at", "sales_accepted_at",
                      "sal_date", "sql_date", "sql_at", "assigned_at", "assigned_date",
                      "Übergeben am", "Uebergeben am", "Übergabe am", "Übergabedatum", "Übergabe",
                      "Uebergabedatum", "An Vertrieb übergeben am", "Zugewiesen am", "Transmis le",
                      "Date de transmission", "Asignado el", "Fecha de asignación"),
    "followed_up_at": ("followed_up_at", "follow_up_at", "follow_up_date", "first_touch_at",
                       "first_contact_at", "first_contacted_at", "first_contact_date",
                       "first_call_at", "first_call_date", "first_response_at",
                       "first_outreach_at", "first_outreach_date", "contacted_at",
                       "Erstkontakt am", "Erstkontakt", "Erster Kontakt", "Erster Kontakt am",
                       "Kontaktiert am", "Nachgefasst am", "Erstgespräch am", "Premier contact",
                       "Premier contact le", "Date du premier contact", "Contacté le",
                       "Primer contacto", "Fecha del primer contacto"),
    "closed_at": ("closed_at", "close_date", "closed_date", "closed_on", "date_closed",
                  "won_at", "won_date", "decided_at", "outcome_date", "converted_at",
                  "converted_date", "conversion_date", "Abgeschlossen am", "Abschlussdatum",
                  "Abschluss am", "Geschlossen am", "Entschieden am", "Gewonnen am",
                  "Clôturé le", "Date de clôture", "Cerrado el", "Fecha de cierre"),
    "account": ("account", "account_name", "company", "company_name", "organisation",
                "organization", "Firma", "Firmenname", "Unternehmen", "Kunde", "Société",
                "Entreprise", "Empresa"),
    "owner": ("owner", "owner_name", "rep", "sales_rep", "salesperson", "seller", "agent",
              "account_executive", "assigned_to", "lead_owner", "staff",
              "Verantwortlich", "Besitzer", "Zuständig", "Vertriebler", "Bearbeiter",
              "Ansprechpartner Vertrieb", "Responsable", "Commercial", "Propietario"),
    "source": ("source", "lead_source", "original_source", "utm_source", "channel", "origin",
               "Quelle", "Herkunft", "Leadquelle", "Kanal", "Origine", "Fuente", "Origen"),
    "industry": ("industry", "company_industry", "industry_sector", "sector", "vertical",
                 "Branche", "Industriezweig", "Wirtschaftszweig", "Secteur",
                 "Secteur d'activité", "Industria"),
    "amount": ("amount", "deal_amount", "deal_value", "deal_size", "contract_value",
               "order_value", "value", "Betrag", "Auftragswert", "Auftragssumme",
               "Auftragsvolumen", "Umsatz", "Montant", "Importe"),
    "margin": ("margin", "margin_pct", "margin_percent", "gross_margin", "profit_margin",
               "Marge", "Marge in %", "Margen"),
    "margin_amount": ("margin_amount", "profit", "gross_profit", "contribution", "Deckungsbeitrag",
                      "Rohertrag"),
    "points": ("lead_score", "score", "points", "lead_points", "lead_scoring", "Punkte",
               "Punktzahl", "Puntos"),
    "explored": ("explored", "leadml_explored", "is_explored", "exploration"),
    "handoff_probability": ("handoff_probability", "leadml_handoff_probability",
                            "hand_off_probability", "propensity"),
    "qualified_at": ("qualified_at", "qualified_date", "qualified_on", "date_qualified",
                     "qualification_date", "marketing_qualified_at", "mql_date", "mql_at",
                     "Qualifiziert am", "Qualifizierungsdatum", "Qualifié le", "Cualificado el"),
    "accepted_at": ("accepted_at", "accepted_date", "accepted_on", "date_accepted",
                    "acceptance_date", "sales_accepted_at", "sales_accepted_date", "sal_date",
                    "sal_at", "Angenommen am", "Akzeptiert am", "Accepté le", "Aceptado el"),
    "rejected_at": ("rejected_at", "rejected_date", "rejected_on", "rejected", "date_rejected",
                    "rejection_date", "sales_rejected_at", "disqualified_at",
                    "disqualified_date", "disqualified_on", "Abgelehnt am", "Ablehnungsdatum",
                    "Rejeté le", "Rechazado el"),
    "rejection_reason": ("rejection_reason", "reject_reason", "rejected_reason",
                         "disqualification_reason", "disqualified_reason",
                         "unqualified_reason", "recycle_reason", "Ablehnungsgrund",
                         "Motif de rejet", "Motivo de rechazo"),
    "segment": ("segment", "market_segment", "customer_segment", "account_segment",
                "company_segment", "Kundensegment", "Marktsegment", "Segmento"),
    "account_size": ("account_size", "company_size", "employees", "employee_count",
                     "number_of_employees", "num_employees", "no_of_employees", "headcount",
                     "Mitarbeiter", "Mitarbeiterzahl", "Anzahl Mitarbeiter",
                     "Unternehmensgröße", "Nombre d'employés", "Effectif",
                     "Número de empleados"),
    "probability": ("leadml_probability", "served_probability", "scored_probability"),
    "band": ("leadml_band", "score_band", "probability_band"),
    "outcome_recorded_at": ("outcome_recorded_at", "closed_recorded_at"),
}  # fmt: skip

USUAL_ACTIVITY = {
    "lead": ("lead_id", "lead", "contact_id", "record_id", "opportunity_id", "case_id", "who_id",
             "regarding", "id"),
    "at": ("timestamp", "at", "time", "date", "datetime", "occurred_at", "happened_at",
           "event_time", "event_date", "activity_date", "created_at", "created_date",
           "created_on", "Zeitpunkt", "Datum", "Zeitstempel", "Uhrzeit", "Date et heure", "Fecha"),
    "kind": ("event", "kind", "activity", "event_type", "activity_type", "event_name", "type",
             "action", "Aktivität", "Aktivitätsart", "Ereignis", "Art", "Typ", "Activité",
             "Événement", "Actividad", "Evento", "Tipo"),
    "detail": ("url", "page_url", "page", "detail", "details", "subject", "description", "path",
               "campaign", "staff", "Betreff", "Beschreibung", "Seite", "Objet", "Asunto"),
}  # fmt: skip

USUAL_LATER = (
    "updated_at", "modified_at", "modified_on", "last_modified", "last_modified_date",
    "last_activity_at", "last_activity_date", "last_contacted", "lost_reason", "loss_reason",
    "closed_lost_reason", "won_reason", "closed_won_reason", "win_probability", "probability",
    "expected_revenue", "days_to_close", "is_closed", "is_won", "next_step",
    "Geändert am", "Zuletzt geändert", "Zuletzt geändert am", "Letzte Änderung", "Änderungsdatum",
    "Aktualisiert am", "Letzte Aktivität", "Letzter Kontakt", "Verlustgrund", "Absagegrund",
    "Abschlusswahrscheinlichkeit", "Wahrscheinlichkeit", "Modifié le", "Dernière modification",
    "Date de modification", "Modificado el", "Fecha de modificación",
)  # fmt: skip

FEWEST = 3
"""Fewest headers of a preset that an export must have to be taken for it."""

_PUNCTUATION = re.compile(r"[\W_]+")
_NO_STEP = re.compile(
    r"birth|geburt|naissance|nacimiento|dob$|founded|gegrundet|grundung|due|expected|planned|"
    r"geplant|fallig|erwartet|voraussichtlich|prevu|previst|next|nachste|renewal|expir|ablauf|"
    r"modif|updat|chang|geandert|anderung|aktualisiert|last|letzt|dernier|ultim"
)
_WON = re.compile(
    r"\b(won|win|sold|converted|customer|closedwon|purchased|bought|signed|subscribed|gewonnen)\b"
)
_LOST = re.compile(
    r"\b(lost|loss|closedlost|disqualified|unqualified|rejected|declined|cancell?ed|junk|dead|"
    r"not converted|not won|no sale|not interested|no longer interested|verloren|abgelehnt)\b"
)
YES, NO = frozenset({"yes", "y", "true", "t", "1"}), frozenset({"no", "n", "false", "f", "0"})


def plain(text: str) -> str:
    """Return a header without case, accents, blanks and punctuation: ``Créé le`` is ``creele``."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return _PUNCTUATION.sub("", "".join(sign for sign in apart if not unicodedata.combining(sign)))


def no_step(header: str) -> bool:
    """Tell whether a time's header names no step of a lead's way: a birthday, a plan, a change."""
    return bool(_NO_STEP.search(plain(header)))


def recognise(headers: Iterable[str]) -> Preset | None:
    """Return the preset with most of its own headers among these.

    Here punctuation counts, so that a column of one's own such as ``lead_id`` does not pass for
    Salesforce's ``Lead ID``. None where no preset has one of its marks and `FEWEST` headers.
    """
    known = {_label(header) for header in headers}
    best, most = None, 0
    for preset in PRESETS:
        marks = sum(_label(mark) in known for mark in preset.marks)
        every = {_label(name) for names in preset.columns.values() for name in names}
        if marks > most and len(every & known) >= FEWEST:
            best, most = preset, marks
    return best


def _label(header: str) -> str:
    return " ".join(header.casefold().split())


def named(headers: Sequence[str], names: Iterable[str]) -> list[str]:
    """Return the headers that are one of the names, in the order of the names."""
    by_plain: dict[str, str] = {}
    for header in headers:
        by_plain.setdefault(plain(header), header)
    found = [by_plain[plain(name)] for name in names if plain(name) in by_plain]
    return list(dict.fromkeys(found))


def reads_won(text: str, preset: Preset | None = None) -> bool:
    """Tell whether an outcome's value reads as won (and not as lost)."""
    if reads_lost(text, preset):
        return False
    extra = preset.won if preset else ()
    return plain(text) in {plain(value) for value in extra} or bool(_WON.search(_words(text)))


def reads_lost(text: str, preset: Preset | None = None) -> bool:
    """Tell whether an outcome's value reads as lost."""
    extra = preset.lost if preset else ()
    return plain(text) in {plain(value) for value in extra} or bool(_LOST.search(_words(text)))


def _words(text: str) -> str:
    return " ".join(_PUNCTUATION.sub(" ", text.casefold()).split())

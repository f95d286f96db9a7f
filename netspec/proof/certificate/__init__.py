"""A proof as a document that can be kept: what was compared, on what, how closely, and by what measure."""

from netspec.proof.certificate.circumstances import Circumstances, circumstances
from netspec.proof.certificate.content import certificate
from netspec.proof.certificate.document import Certificate
from netspec.proof.certificate.html import html
from netspec.proof.certificate.text import text

__all__ = ["Certificate", "Circumstances", "certificate", "circumstances", "html", "text"]

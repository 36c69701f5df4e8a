"""Pictures and files made a row at a time: QR codes, barcodes, PDF. Pure: what comes in as text or bytes goes out as bytes."""

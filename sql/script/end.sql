
\qecho '{"end": true}'

# Stands in for the published postgres image where no image registry is reached: the same variables, the same folder of
# scripts, the same place for the data; the server is Debian's.
ARG BASE
FROM ${BASE}
RUN apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql >/dev/null \
 && rm -rf /var/lib/apt/lists/* /var/lib/postgresql/* \
 && chown postgres:postgres /var/lib/postgresql
ENV PGHOST=/tmp
COPY postgres.sh /usr/local/bin/start
# At SIGTERM it would wait for every client to leave.
STOPSIGNAL SIGINT
USER postgres
VOLUME /var/lib/postgresql
ENTRYPOINT ["sh", "/usr/local/bin/start"]

using Banyan.Server.Tests.Storage;

// Started once, by the first that asks; each test has a database and a prefix of its own.
[assembly: AssemblyFixture(typeof(PostgresServer))]
[assembly: AssemblyFixture(typeof(S3Server))]

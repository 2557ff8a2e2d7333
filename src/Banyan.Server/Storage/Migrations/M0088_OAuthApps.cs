using FluentMigrator;

namespace Banyan.Server.Storage.Migrations;

/// <summary>Apps that users register, and the codes by which these get their tokens.</summary>
[Migration(88, "OAuth apps")]
public sealed class M0088_OAuthApps : Migration
{
    const int HashBytes = 32;

    /// <inheritdoc/>
    public override void Up()
    {
        Create.Table("oauth_apps")
            .WithColumn("id").AsInt64().PrimaryKey().Identity()
            .WithColumn("client").AsString(64).Unique()                       // its client_id
            .WithColumn("owner_id").AsInt64().ForeignKey("accounts", "id").Indexed()
            .WithColumn("name").AsString(100)
            .WithColumn("homepage").AsString(500).Nullable()
            // SHA-256; null for an app that can keep none: in a browser, on a desktop
            .WithColumn("secret_hash").AsBinary(HashBytes).Nullable()
            .WithColumn("redirects").AsString(int.MaxValue)                   // addresses, one a line
            .WithColumn("created_at").AsInt64();

        Create.Table("oauth_codes")
            .WithColumn("hash").AsBinary(HashBytes).PrimaryKey()              // SHA-256 of the code
            .WithColumn("client").AsString(64).Indexed()
            .WithColumn("user_id").AsInt64().ForeignKey("accounts", "id")
            .WithColumn("redirect").AsString(2048)
            .WithColumn("scopes").AsString(512)
            .WithColumn("may").AsString(int.MaxValue)                         // scopes of the token, as JSON
            .WithColumn("challenge").AsString(64).Nullable()                  // PKCE's, S256
            .WithColumn("nonce").AsString(512).Nullable()
            .WithColumn("signed_in_at").AsInt64()                             // when its user had signed in
            .WithColumn("expires_at").AsInt64().Indexed()
            .WithColumn("grant_id").AsInt64().Nullable();                     // what came of it: a code that comes twice ends that
    }

    /// <inheritdoc/>
    public override void Down() => throw new NotSupportedException("Restore a backup to go back.");
}

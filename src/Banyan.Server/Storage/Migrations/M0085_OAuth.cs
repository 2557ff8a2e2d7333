using FluentMigrator;

namespace Banyan.Server.Storage.Migrations;

/// <summary>Programs that users authorize in a browser: their grants, and the codes of pending requests.</summary>
[Migration(85, "OAuth")]
public sealed class M0085_OAuth : Migration
{
    const int HashBytes = 32;

    /// <inheritdoc/>
    public override void Up()
    {
        Create.Table("oauth_grants")
            .WithColumn("id").AsInt64().PrimaryKey().Identity()
            .WithColumn("user_id").AsInt64().ForeignKey("accounts", "id").Indexed()
            .WithColumn("client").AsString(64).Indexed()                      // the client's id
            .WithColumn("name").AsString(100)                                 // what the user was told it is
            .WithColumn("scopes").AsString(512)                               // as OAuth says them, with spaces between
            .WithColumn("created_at").AsInt64()
            // SHA-256 of the refresh token; null where there is none
            .WithColumn("refresh_hash").AsBinary(HashBytes).Nullable().Indexed()
            .WithColumn("old_refresh_hash").AsBinary(HashBytes).Nullable().Indexed()  // of the one before: its answer may have been lost
            .WithColumn("refreshed_at").AsInt64()
            .WithColumn("ended_at").AsInt64().Nullable();

        Create.Table("oauth_device_codes")
            .WithColumn("hash").AsBinary(HashBytes).PrimaryKey()              // SHA-256 of the device code
            .WithColumn("user_code").AsString(16).Unique()
            .WithColumn("client").AsString(64)
            .WithColumn("agent").AsString(200).Nullable()                     // what the program calls itself
            .WithColumn("state").AsString(8)                                  // pending, allowed, denied
            .WithColumn("user_id").AsInt64().Nullable().ForeignKey("accounts", "id")
            .WithColumn("created_at").AsInt64()
            .WithColumn("expires_at").AsInt64().Indexed()
            .WithColumn("polled_at").AsInt64();

        Alter.Table("tokens").AddColumn("grant_id").AsInt64().Nullable();     // the grant that gave it, or null for one that its user made
        Create.Index("ix_tokens_grant_id").OnTable("tokens").OnColumn("grant_id");
    }

    /// <inheritdoc/>
    public override void Down() => throw new NotSupportedException("Restore a backup to go back.");
}

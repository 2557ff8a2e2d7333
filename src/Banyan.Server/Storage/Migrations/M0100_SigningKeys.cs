using FluentMigrator;

namespace Banyan.Server.Storage.Migrations;

/// <summary>Whose key signs reports.</summary>
[Migration(100, "signing keys")]
public sealed class M0100_SigningKeys : Migration
{
    const int Base64OfKey = 44;

    /// <inheritdoc/>
    public override void Up() =>
        Create.Table("signing_keys")
            .WithColumn("id").AsInt64().PrimaryKey().Identity()
            .WithColumn("user_id").AsInt64().ForeignKey("accounts", "id").Indexed()
            .WithColumn("public_key").AsString(Base64OfKey).Unique()          // Ed25519: nobody else's at the same time
            .WithColumn("name").AsString(100)
            .WithColumn("created_at").AsInt64();

    /// <inheritdoc/>
    public override void Down() => throw new NotSupportedException("Restore a backup to go back.");
}

# The vendor page's receiver, made to do the job: it verifies the secret and appends lines.

require 'sinatra/base'
require 'json'
require 'time'

class Receiver < Sinatra::Base
  set :environment, :production
  disable :logging, :sessions, :protection, :static

  SECRET = "Basic #{ENV.fetch('PRESENCE_SECRET')}".freeze
  LINES = File.open(File.join(ENV.fetch('PRESENCE_DATA_DIR'), 'presence.jsonl'),
                    File::WRONLY | File::APPEND | File::CREAT, 0o640)

  post '/presence' do
    halt 401 unless Rack::Utils.secure_compare(SECRET, request.env['HTTP_AUTHORIZATION'].to_s)
    received_at = Time.now.utc.iso8601(6)
    lines = JSON.parse(request.body.read).flat_map { |report| lines_of(report, received_at) }
    LINES.syswrite(lines.join)
    content_type :json
    JSON.generate(accepted: lines.size)
  end

  def lines_of(report, received_at)
    first = { receivedAt: received_at, ownerId: report['ownerId'], apMac: report['apMac'] }
    report['observations'].map { |observation| JSON.generate(first.merge(observation)) << "\n" }
  end
end

run Receiver

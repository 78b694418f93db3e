"""What gunicorn serves."""
from presence_receiver import create_app

app = create_app()
